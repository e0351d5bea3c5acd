#include "kernels/qdepthwise/qdepthwise.h"

#include <algorithm>
#include <cassert>

#include "core/alignment.h"
#include "kernels/dispatch.h"
#include "kernels/parallel.h"
#include "kernels/qconv/padded_bytes.h"
#include "kernels/qdepthwise/qdepthwise_tile.h"

namespace sealedge {
namespace {

constexpr size_t kLanes = 16;

size_t pairs_of(const WindowGeometry& w) { return (w.taps() + 1) / 2; }

// Tiles read 16 bytes at every tap, so the last channels need room behind them.
PaddedBytes padded_input(const Q8DepthwiseParams& p) {
  return PaddedBytes::of(p.window, p.channels, p.x_channels_first, p.channels % kLanes != 0);
}

// A thread's part of scratch.
struct Workspace {
  int16_t* weights;      // [pairs][16][2]
  const uint8_t** taps;  // [2 * pairs]
  static size_t size_bytes(const WindowGeometry& w) {
    return round_up_64(pairs_of(w) * 2 * kLanes * sizeof(int16_t)) + round_up_64(pairs_of(w) * 2 * sizeof(uint8_t*));
  }
  Workspace(const WindowGeometry& w, uint8_t* scratch, unsigned slot) {
    uint8_t* base = scratch + slot * size_bytes(w);
    weights = reinterpret_cast<int16_t*>(base);
    taps = reinterpret_cast<const uint8_t**>(base + round_up_64(pairs_of(w) * 2 * kLanes * sizeof(int16_t)));
  }
};

struct PanelLanes {
  alignas(64) int32_t start[kLanes];
  alignas(64) float multiplier[kLanes];
};

// Expands a panel's weights and works out where its sums start.
PanelLanes prepare_panel(const Q8DepthwiseParams& p, const Q8DepthwiseFamily& family, size_t panel,
                         const uint8_t* piece, int16_t* weights) {
  const size_t first = panel * kLanes, lanes = std::min(kLanes, p.channels - first);
  PanelLanes out = {};
  int32_t sums[kLanes] = {}, zero[kLanes] = {};
  if (p.weight_zero) std::copy_n(p.weight_zero + first, lanes, zero);
  family.expand(reinterpret_cast<const int8_t*>(piece), p.window.taps(), p.weight_zero ? zero : nullptr, weights, sums);
  for (size_t lane = 0; lane < lanes; lane++) {
    const uint32_t bias = p.bias ? static_cast<uint32_t>(p.bias[first + lane]) : 0;
    out.start[lane] = static_cast<int32_t>(bias - static_cast<uint32_t>(p.x_zero) * static_cast<uint32_t>(sums[lane]));
    if (p.epilogue.multiplier) out.multiplier[lane] = p.epilogue.multiplier[first + lane];
  }
  return out;
}

// Output rows (n, od, oh) rows.begin..rows.end of one panel.
void output_rows(const Q8DepthwiseParams& p, const Q8DepthwiseFamily& family, const PaddedBytes& padded,
                 const uint8_t* x, size_t panel, const PanelLanes& lanes, const Workspace& space, Part rows) {
  const WindowGeometry& w = p.window;
  const size_t first = panel * kLanes, size = q8_output_bytes(p.epilogue.output);
  Q8DepthwiseTile tile;
  tile.taps = space.taps;
  tile.weights = space.weights;
  tile.pairs = pairs_of(w);
  tile.pixel_step = w.stride[2] * p.channels;
  tile.pixels = w.out[2];
  tile.start = lanes.start;
  tile.channels = std::min(kLanes, p.channels - first);
  tile.y_stride_bytes = p.channels * size;
  tile.epilogue = p.epilogue;
  tile.epilogue.multiplier = lanes.multiplier;
  for (size_t row = rows.begin; row < rows.end; row++) {
    const size_t oh = row % w.out[1], od = row / w.out[1] % w.out[0], n = row / w.out[1] / w.out[0];
    const uint8_t* base =
        x + n * padded.image() + od * w.stride[0] * padded.slice() + oh * w.stride[1] * padded.row() + first;
    size_t count = 0;
    for (size_t kd = 0; kd < w.kernel[0]; kd++) {
      for (size_t kh = 0; kh < w.kernel[1]; kh++) {
        for (size_t kw = 0; kw < w.kernel[2]; kw++) space.taps[count++] = base + padded.tap(w, kd, kh, kw);
      }
    }
    if (count % 2 != 0) space.taps[count] = space.taps[0];  // meets a weight of zero
    tile.y = p.y + (row * w.out[2] * p.channels + first) * size;
    family.tile[p.x_signed](tile);
  }
}

}  // namespace

size_t q8_depthwise_scratch_bytes(const Q8DepthwiseParams& p, unsigned threads) {
  return padded_input(p).scratch_bytes() + Workspace::size_bytes(p.window) * threads;
}

void q8_depthwise(const Q8DepthwiseParams& p, const WeightSource& weights, const KernelContext& context) {
  const WindowGeometry& w = p.window;
  assert(weights.size_bytes() == q8_depthwise_weight_bytes(w, p.channels));
  assert(w.taps() <= kMaxQ8DepthwiseTaps);
  const size_t row_count = w.batch * w.out[0] * w.out[1];
  if (row_count == 0 || w.out[2] == 0 || p.channels == 0) return;
  const Q8DepthwiseFamily& family = *context.kernels->q8_depthwise;

  const PaddedBytes padded = padded_input(p);
  const uint8_t* x = pad_bytes(padded, w, p.x, static_cast<uint8_t>(p.x_zero), context.scratch, context);
  uint8_t* workspaces = context.scratch + padded.scratch_bytes();
  const size_t panel_bytes = (w.taps() + 3) / 4 * 64;
  const size_t panel_count = (p.channels + kLanes - 1) / kLanes;
  const size_t group = std::max<size_t>(1, kMaxPanelBytes / panel_bytes);
  const size_t parts = parts_for(context.parallel, row_count, w.out[2] * w.taps() * p.channels / 2);
  parallel_for(context.parallel, parts, [&](size_t index, unsigned slot) {
    const Workspace space(w, workspaces, slot);
    const Part rows = part_of(row_count, index, parts);
    for (size_t first = 0; first < panel_count; first += group) {
      const size_t count = std::min(group, panel_count - first);
      const uint8_t* piece = weights.panel(first * panel_bytes, count * panel_bytes, slot);
      for (size_t panel = 0; panel < count; panel++) {
        const PanelLanes lanes = prepare_panel(p, family, first + panel, piece + panel * panel_bytes, space.weights);
        output_rows(p, family, padded, x, first + panel, lanes, space, rows);
      }
      weights.release(slot);
    }
  });
}

}  // namespace sealedge
