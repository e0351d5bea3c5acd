#include "kernels/depthwise/depthwise.h"

#include <algorithm>
#include <cassert>

#include "kernels/conv/window_range.h"
#include "kernels/depthwise/depthwise_tile.h"
#include "kernels/dispatch.h"
#include "kernels/parallel.h"

namespace sealedge {
namespace {

constexpr size_t kLanes = 16;

// Kernel rows (kd, kh) of one output row that lie in X. Lives in the context's scratch, one per thread slot.
struct RowTable {
  const float** rows;     // start of the input row, channel 0
  const float** shifted;  // the same, moved to a segment's first column and lane
  const float** taps;
  size_t* kernel_row;  // kd * KH + kh
};

size_t row_table_bytes(const WindowGeometry& w) {
  const size_t entries = w.kernel[0] * w.kernel[1];
  return (entries * (3 * sizeof(float*) + sizeof(size_t)) + 63) / 64 * 64;
}

RowTable row_table(const WindowGeometry& w, uint8_t* scratch, unsigned slot) {
  const size_t entries = w.kernel[0] * w.kernel[1];
  auto* pointers = reinterpret_cast<const float**>(scratch + slot * row_table_bytes(w));
  return {pointers, pointers + entries, pointers + 2 * entries, reinterpret_cast<size_t*>(pointers + 3 * entries)};
}

// The panels of one piece of the weights.
struct PanelGroup {
  const float* weights;
  size_t first_channel;
  size_t channels;
};

// A whole output row can be one tile: 3 columns, and at most one of them in the padding at either end.
bool row_is_one_tile(const WindowGeometry& w) {
  if (w.kernel[2] != 3 || w.dilation[2] != 1 || w.stride[2] > 2 || w.pad_begin[2] > 1) return false;
  return (w.out[2] - 1) * w.stride[2] + 2 <= w.in[2] + w.pad_begin[2];
}

bool same_columns(const WindowGeometry& w, const WindowRange& columns, size_t x) {
  const WindowRange others = window_range(w, 2, x);
  return others.begin == columns.begin && others.end == columns.end;
}

// What no tile does in registers.
void finish_pixels(const F32Epilogue& e, const F32DepthwiseTile& tile) {
  if (tile.channels == tile.y_stride) return e.after(e.after_params, tile.y, tile.y, tile.pixels * tile.channels);
  for (size_t i = 0; i < tile.pixels; i++) {
    float* y = tile.y + i * tile.y_stride;
    e.after(e.after_params, y, y, tile.channels);
  }
}

// One output row; row_pixel is the number of its first pixel.
void output_row(const F32DepthwiseParams& p, const F32DepthwiseFamily& family, const RowTable& table, size_t row_count,
                const PanelGroup& group, size_t row_pixel) {
  const WindowGeometry& w = p.window;
  F32Epilogue epilogue = p.epilogue;
  if (epilogue.scale) epilogue.scale += group.first_channel;
  if (epilogue.shift) epilogue.shift += group.first_channel;

  F32DepthwiseTile tile;
  tile.rows = table.shifted;
  tile.taps = table.taps;
  tile.row_count = row_count;
  tile.panel_step = w.taps() * kLanes;
  tile.column_step = w.dilation[2] * p.channels;
  tile.channels = group.channels;
  tile.epilogue = &epilogue;
  tile.first_absent = tile.last_absent = false;
  const bool whole = row_is_one_tile(w);
  const WindowRange inside = whole ? WindowRange{0, w.out[2]} : full_windows(w, 2);
  if (whole) {
    tile.first_absent = w.pad_begin[2] == 1;
    tile.last_absent = (w.out[2] - 1) * w.stride[2] + 2 == w.in[2] + w.pad_begin[2];
  }
  for (size_t x = 0; x < w.out[2];) {
    const bool interior = x >= inside.begin && x < inside.end;
    const WindowRange columns = whole ? WindowRange{0, w.kernel[2]} : window_range(w, 2, x);
    size_t count = interior ? inside.end - x : 1;
    // At the borders of a dilated convolution many windows lose the same columns.
    while (!interior && x + count < w.out[2] && same_columns(w, columns, x + count)) count++;
    const ptrdiff_t input_column = input_position(w, 2, x, columns.begin);
    for (size_t r = 0; r < row_count; r++) {
      table.shifted[r] = table.rows[r] + input_column * static_cast<ptrdiff_t>(p.channels) + group.first_channel;
      table.taps[r] = group.weights + (table.kernel_row[r] * w.kernel[2] + columns.begin) * kLanes;
    }
    tile.columns = columns.end - columns.begin;
    // Of a dilated convolution, pixels that lie a dilation apart share inputs as neighbours do of another.
    const size_t phases = w.stride[2] == 1 && interior && count >= 4 * w.dilation[2] ? w.dilation[2] : 1;
    tile.pixel_step = phases * w.stride[2] * p.channels;
    tile.y_stride = phases * p.channels;
    epilogue.residual_stride = phases * p.epilogue.residual_stride;
    for (size_t phase = 0; phase < phases; phase++) {
      tile.pixels = (count - phase + phases - 1) / phases;
      const size_t pixel = row_pixel + x + phase;
      tile.y = p.y + pixel * p.channels + group.first_channel;
      if (p.epilogue.residual) {
        epilogue.residual = p.epilogue.residual + pixel * p.epilogue.residual_stride + group.first_channel;
      }
      family.tile(tile);
      if (epilogue.after) finish_pixels(epilogue, tile);
      for (size_t r = 0; r < row_count; r++) table.shifted[r] += p.channels;
    }
    x += count;
  }
}

// Output rows (n, od, oh) rows.begin..rows.end.
void output_rows(const F32DepthwiseParams& p, const F32DepthwiseFamily& family, const RowTable& table,
                 const PanelGroup& group, Part rows) {
  const WindowGeometry& w = p.window;
  const size_t in_row = w.in[2] * p.channels;
  for (size_t row = rows.begin; row < rows.end; row++) {
    const size_t oh = row % w.out[1], od = row / w.out[1] % w.out[0], n = row / w.out[1] / w.out[0];
    const WindowRange depth = window_range(w, 0, od), height = window_range(w, 1, oh);
    size_t count = 0;
    for (size_t kd = depth.begin; kd < depth.end; kd++) {
      for (size_t kh = height.begin; kh < height.end; kh++) {
        const auto id = static_cast<size_t>(input_position(w, 0, od, kd));
        const auto ih = static_cast<size_t>(input_position(w, 1, oh, kh));
        table.rows[count] = p.x + ((n * w.in[0] + id) * w.in[1] + ih) * in_row;
        table.kernel_row[count++] = kd * w.kernel[1] + kh;
      }
    }
    output_row(p, family, table, count, group, row * w.out[2]);
  }
}

}  // namespace

size_t f32_depthwise_scratch_bytes(const F32DepthwiseParams& params, unsigned threads) {
  return row_table_bytes(params.window) * threads;
}

void f32_depthwise(const F32DepthwiseParams& p, const WeightSource& weights, const KernelContext& context) {
  const WindowGeometry& w = p.window;
  assert(weights.size_bytes() == f32_depthwise_weight_bytes(w, p.channels));
  assert(w.taps() * kLanes * sizeof(float) <= kMaxPanelBytes);
  const size_t row_count = w.batch * w.out[0] * w.out[1];
  if (row_count == 0 || w.out[2] == 0 || p.channels == 0) return;
  const F32DepthwiseFamily& family = *context.kernels->f32_depthwise;

  const size_t panel_bytes = w.taps() * kLanes * sizeof(float);
  const size_t panel_count = (p.channels + kLanes - 1) / kLanes;
  const size_t group = panel_bytes == 0 ? panel_count : std::max<size_t>(1, kMaxPanelBytes / panel_bytes);
  const size_t parts = parts_for(context.parallel, row_count, w.out[2] * w.taps() * p.channels);
  parallel_for(context.parallel, parts, [&](size_t index, unsigned slot) {
    const RowTable table = row_table(w, context.scratch, slot);
    const Part rows = part_of(row_count, index, parts);
    for (size_t first = 0; first < panel_count; first += group) {
      const size_t count = std::min(group, panel_count - first);
      const uint8_t* piece = weights.panel(first * panel_bytes, count * panel_bytes, slot);
      const size_t channel = first * kLanes;
      const PanelGroup panels = {reinterpret_cast<const float*>(piece), channel,
                                 std::min(count * kLanes, p.channels - channel)};
      output_rows(p, family, table, panels, rows);
      weights.release(slot);
    }
  });
}

}  // namespace sealedge
