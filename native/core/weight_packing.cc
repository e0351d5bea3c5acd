#include "core/weight_packing.h"

#include <algorithm>
#include <cstring>

#include "core/checked.h"

namespace sealedge {
namespace {

// Where element (k, lane) of a panel sits in the row-major rows.
struct SourceWalk {
  size_t lane_step;
  size_t input_step;
  size_t tap_step;
};

SourceWalk source_walk(const WeightGeometry& geometry, size_t stride) {
  if (geometry.order == WeightSourceOrder::kGemmKN) return {1, stride, 0};
  return {stride, geometry.taps, 1};
}

Error misfit(const char* what) { return {ErrorCode::kModelInvalid, what}; }

}  // namespace

Result<WeightGeometry> weight_geometry(WeightLayout layout, WeightSourceOrder order, std::span<const int64_t> dims) {
  WeightGeometry g;
  g.layout = layout;
  g.order = order;
  for (int64_t dim : dims) {
    if (dim <= 0) return misfit("blocked weight: every dimension must be positive");
  }
  switch (order) {
    case WeightSourceOrder::kConvOIHW: {
      if (dims.size() < 3) return misfit("convolution weight: expected at least 3 dimensions");
      g.lanes = static_cast<size_t>(dims[0]);
      g.inputs = static_cast<size_t>(dims[1]);
      g.taps = 1;
      for (int64_t dim : dims.subspan(2)) {
        if (!checked_mul(g.taps, static_cast<size_t>(dim), &g.taps)) return misfit("convolution weight: too large");
      }
      break;
    }
    case WeightSourceOrder::kGemmKN:
    case WeightSourceOrder::kGemmNK: {
      if (dims.size() < 2) return misfit("matrix weight: expected at least 2 dimensions");
      const bool kn = order == WeightSourceOrder::kGemmKN;
      g.lanes = 1;
      g.inputs = static_cast<size_t>(kn ? dims.front() : dims.back());
      g.taps = 1;
      for (int64_t dim : kn ? dims.subspan(1) : dims.first(dims.size() - 1)) {
        if (!checked_mul(g.lanes, static_cast<size_t>(dim), &g.lanes)) return misfit("matrix weight: too large");
      }
      break;
    }
    case WeightSourceOrder::kNone:
      return misfit("blocked weight: no source order");
  }
  if (layout == WeightLayout::kPlain) return misfit("blocked weight: plain has no geometry");
  if (layout == WeightLayout::kDepthwise16 && (order != WeightSourceOrder::kConvOIHW || g.inputs != 1)) {
    return misfit("depthwise weight: expected (C, 1, spatial...)");
  }
  g.panels = g.lanes / kPanelLanes + (g.lanes % kPanelLanes != 0 ? 1 : 0);
  size_t panel_bytes = kPanelLanes * sizeof(float);
  if (!checked_mul(panel_bytes, g.inputs, &panel_bytes) || !checked_mul(panel_bytes, g.taps, &panel_bytes) ||
      !checked_mul(panel_bytes, g.panels, &g.size_bytes)) {
    return misfit("blocked weight: too large");
  }
  return g;
}

void pack_panel(const WeightGeometry& geometry, const float* rows, size_t stride, size_t valid_lanes, float* out) {
  const SourceWalk walk = source_walk(geometry, stride);
  for (size_t tap = 0; tap < geometry.taps; ++tap) {
    for (size_t input = 0; input < geometry.inputs; ++input, out += kPanelLanes) {
      const float* source = rows + input * walk.input_step + tap * walk.tap_step;
      for (size_t lane = 0; lane < valid_lanes; ++lane) out[lane] = source[lane * walk.lane_step];
      for (size_t lane = valid_lanes; lane < kPanelLanes; ++lane) out[lane] = 0.0F;
    }
  }
}

void unpack_panel(const WeightGeometry& geometry, const float* panel, size_t valid_lanes, float* rows, size_t stride) {
  const SourceWalk walk = source_walk(geometry, stride);
  for (size_t tap = 0; tap < geometry.taps; ++tap) {
    for (size_t input = 0; input < geometry.inputs; ++input, panel += kPanelLanes) {
      float* target = rows + input * walk.input_step + tap * walk.tap_step;
      for (size_t lane = 0; lane < valid_lanes; ++lane) target[lane * walk.lane_step] = panel[lane];
    }
  }
}

namespace {

// Elements from one panel's rows to the next panel's: 16 columns, or 16 rows.
size_t panel_step(const WeightGeometry& geometry) {
  return geometry.order == WeightSourceOrder::kGemmKN ? kPanelLanes : kPanelLanes * geometry.row_stride();
}

size_t lanes_of(const WeightGeometry& geometry, size_t panel) {
  return std::min(kPanelLanes, geometry.lanes - panel * kPanelLanes);
}

}  // namespace

void pack_weight(const WeightGeometry& geometry, const float* row_major, float* packed) {
  const size_t panel_elements = geometry.depth() * kPanelLanes;
  for (size_t p = 0; p < geometry.panels; ++p) {
    pack_panel(geometry, row_major + p * panel_step(geometry), geometry.row_stride(), lanes_of(geometry, p),
               packed + p * panel_elements);
  }
}

void unpack_weight(const WeightGeometry& geometry, const float* packed, float* row_major) {
  const size_t panel_elements = geometry.depth() * kPanelLanes;
  for (size_t p = 0; p < geometry.panels; ++p) {
    unpack_panel(geometry, packed + p * panel_elements, lanes_of(geometry, p), row_major + p * panel_step(geometry),
                 geometry.row_stride());
  }
}

}  // namespace sealedge
