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

size_t round_up_to_quad(size_t k) { return (k + kPanelQuad - 1) / kPanelQuad * kPanelQuad; }

// Where element (k, lane) of a panel of bytes sits, behind the sums.
size_t byte_position(const WeightGeometry& geometry, size_t k, size_t lane) {
  if (is_depthwise_layout(geometry.layout)) return k * kPanelLanes + lane;
  return k / kPanelQuad * kPanelLanes * kPanelQuad + lane * kPanelQuad + k % kPanelQuad;
}

size_t sum_bytes(const WeightGeometry& geometry) { return is_depthwise_layout(geometry.layout) ? 0 : kPanelSumBytes; }

// Adding 128 modulo 256 is flipping the highest bit.
uint8_t sign_flip(const WeightGeometry& geometry) { return is_unsigned_layout(geometry.layout) ? 0x80 : 0; }

// Calls visit(k, lane, source index) for every element of a panel that the tensor has.
template <typename Visit>
void each_element(const WeightGeometry& geometry, size_t stride, size_t valid_lanes, Visit visit) {
  const SourceWalk walk = source_walk(geometry, stride);
  size_t k = 0;
  for (size_t tap = 0; tap < geometry.taps; ++tap) {
    for (size_t input = 0; input < geometry.inputs; ++input, ++k) {
      const size_t source = input * walk.input_step + tap * walk.tap_step;
      for (size_t lane = 0; lane < valid_lanes; ++lane) visit(k, lane, source + lane * walk.lane_step);
    }
  }
}

void pack_bytes(const WeightGeometry& geometry, const uint8_t* rows, size_t stride, size_t valid_lanes,
                uint8_t* panel) {
  std::memset(panel, 0, geometry.panel_size_bytes());
  uint8_t* elements = panel + sum_bytes(geometry);
  const uint8_t flip = sign_flip(geometry);
  // The sums are modulo 2^32, as all sums of the kernels are.
  uint32_t sums[kPanelLanes] = {};
  each_element(geometry, stride, valid_lanes, [&](size_t k, size_t lane, size_t source) {
    const auto byte = static_cast<uint8_t>(rows[source] ^ flip);
    elements[byte_position(geometry, k, lane)] = byte;
    sums[lane] += static_cast<uint32_t>(static_cast<int32_t>(static_cast<int8_t>(byte)));
  });
  if (elements != panel) std::memcpy(panel, sums, sizeof sums);
}

void unpack_bytes(const WeightGeometry& geometry, const uint8_t* panel, size_t valid_lanes, uint8_t* rows,
                  size_t stride) {
  const uint8_t* elements = panel + sum_bytes(geometry);
  const uint8_t flip = sign_flip(geometry);
  each_element(geometry, stride, valid_lanes, [&](size_t k, size_t lane, size_t source) {
    rows[source] = static_cast<uint8_t>(elements[byte_position(geometry, k, lane)] ^ flip);
  });
}

Error misfit(const char* what) { return {ErrorCode::kModelInvalid, what}; }

}  // namespace

size_t WeightGeometry::panel_size_bytes() const {
  if (!is_byte_layout(layout)) return depth() * kPanelLanes * sizeof(float);
  return round_up_to_quad(depth()) * kPanelLanes + sum_bytes(*this);
}

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
  if (is_depthwise_layout(layout) && (order != WeightSourceOrder::kConvOIHW || g.inputs != 1)) {
    return misfit("depthwise weight: expected (C, 1, spatial...)");
  }
  g.panels = g.lanes / kPanelLanes + (g.lanes % kPanelLanes != 0 ? 1 : 0);
  // As if of floats, which is more than any layout takes but for its sums and its padding of K.
  size_t panel_bytes = kPanelLanes * sizeof(float);
  size_t largest = 0;
  if (!checked_mul(panel_bytes, g.inputs, &panel_bytes) || !checked_mul(panel_bytes, g.taps, &panel_bytes) ||
      !checked_add(panel_bytes, 2 * kPanelSumBytes, &largest) || !checked_mul(largest, g.panels, &largest)) {
    return misfit("blocked weight: too large");
  }
  g.size_bytes = g.panel_size_bytes() * g.panels;
  return g;
}

void pack_panel(const WeightGeometry& geometry, const uint8_t* rows, size_t stride, size_t valid_lanes,
                uint8_t* panel) {
  if (is_byte_layout(geometry.layout)) return pack_bytes(geometry, rows, stride, valid_lanes, panel);
  const auto* from = reinterpret_cast<const float*>(rows);
  auto* out = reinterpret_cast<float*>(panel);
  if (valid_lanes < kPanelLanes) std::memset(panel, 0, geometry.panel_size_bytes());
  each_element(geometry, stride, valid_lanes,
               [&](size_t k, size_t lane, size_t source) { out[k * kPanelLanes + lane] = from[source]; });
}

void unpack_panel(const WeightGeometry& geometry, const uint8_t* panel, size_t valid_lanes, uint8_t* rows,
                  size_t stride) {
  if (is_byte_layout(geometry.layout)) return unpack_bytes(geometry, panel, valid_lanes, rows, stride);
  const auto* from = reinterpret_cast<const float*>(panel);
  auto* out = reinterpret_cast<float*>(rows);
  each_element(geometry, stride, valid_lanes,
               [&](size_t k, size_t lane, size_t source) { out[source] = from[k * kPanelLanes + lane]; });
}

namespace {

// Bytes from one panel's rows to the next panel's: 16 columns, or 16 rows.
size_t panel_step(const WeightGeometry& geometry) {
  const bool columns = geometry.order == WeightSourceOrder::kGemmKN;
  return geometry.element_bytes() * kPanelLanes * (columns ? 1 : geometry.row_stride());
}

size_t lanes_of(const WeightGeometry& geometry, size_t panel) {
  return std::min(kPanelLanes, geometry.lanes - panel * kPanelLanes);
}

}  // namespace

void pack_weight(const WeightGeometry& geometry, const uint8_t* row_major, uint8_t* packed) {
  for (size_t p = 0; p < geometry.panels; ++p) {
    pack_panel(geometry, row_major + p * panel_step(geometry), geometry.row_stride(), lanes_of(geometry, p),
               packed + p * geometry.panel_size_bytes());
  }
}

void unpack_weight(const WeightGeometry& geometry, const uint8_t* packed, uint8_t* row_major) {
  for (size_t p = 0; p < geometry.panels; ++p) {
    unpack_panel(geometry, packed + p * geometry.panel_size_bytes(), lanes_of(geometry, p),
                 row_major + p * panel_step(geometry), geometry.row_stride());
  }
}

size_t packed_offset_bytes(const WeightGeometry& geometry, size_t element) {
  size_t lane = element / geometry.depth();
  size_t k = element % geometry.depth();
  if (geometry.order == WeightSourceOrder::kGemmKN) {
    k = element / geometry.lanes;
    lane = element % geometry.lanes;
  } else if (geometry.order == WeightSourceOrder::kConvOIHW) {
    k = k % geometry.taps * geometry.inputs + k / geometry.taps;
  }
  const size_t panel = lane / kPanelLanes * geometry.panel_size_bytes();
  const size_t in_panel = lane % kPanelLanes;
  if (!is_byte_layout(geometry.layout)) return panel + (k * kPanelLanes + in_panel) * sizeof(float);
  if (is_depthwise_layout(geometry.layout)) return panel + k * kPanelLanes + in_panel;
  return panel + kPanelSumBytes + (k / kPanelQuad * kPanelLanes + in_panel) * kPanelQuad + k % kPanelQuad;
}

}  // namespace sealedge
