#include "kernels/pool/pool.h"

#include "kernels/conv/window_range.h"
#include "kernels/dispatch.h"
#include "kernels/parallel.h"
#include "kernels/pool/pool_count.h"
#include "kernels/pool/pool_tile.h"

namespace sealedge {
namespace {

// Window rows (kd, kh) per tile.
constexpr size_t kMaxRows = 64;

struct Window {
  WindowRange range[3];
  size_t origin[3];  // input position of range[d].begin
};

Window window_at(const WindowGeometry& w, const size_t (&o)[3]) {
  Window window;
  for (int d = 0; d < 3; d++) {
    window.range[d] = window_range(w, d, o[d]);
    const bool empty = window.range[d].begin == window.range[d].end;
    window.origin[d] = empty ? 0 : static_cast<size_t>(input_position(w, d, o[d], window.range[d].begin));
  }
  return window;
}

float average_scale(const F32PoolParams& p, const Window& window, const size_t (&o)[3]) {
  // In double: of three sizes of 31 bits each the product would not fit an integer.
  double count = 1.0;
  for (int d = 0; d < 3; d++) {
    const size_t range = window.range[d].end - window.range[d].begin;
    count *= static_cast<double>(p.count_include_pad ? padded_positions(p.window, d, o[d]) : range);
  }
  return count == 0.0 ? 0.0f : static_cast<float>(1.0 / count);
}

void pool_window(const F32PoolParams& p, const F32PoolFamily& family, size_t n, const size_t (&o)[3], float* y) {
  const WindowGeometry& w = p.window;
  const Window window = window_at(w, o);
  const size_t heights = window.range[1].end - window.range[1].begin;
  const size_t row_count = (window.range[0].end - window.range[0].begin) * heights;
  const auto run = p.kind == PoolKind::kMax ? family.max : family.average;
  const float scale = average_scale(p, window, o);

  const float* rows[kMaxRows];
  F32PoolTile tile;
  tile.rows = rows;
  tile.columns = window.range[2].end - window.range[2].begin;
  tile.column_step = w.dilation[2] * p.channels;
  tile.channels = p.channels;
  tile.accumulate = false;
  tile.y = y;
  size_t row = 0;
  do {
    tile.row_count = 0;
    for (; row < row_count && tile.row_count < kMaxRows; row++) {
      const size_t id = window.origin[0] + row / heights * w.dilation[0];
      const size_t ih = window.origin[1] + row % heights * w.dilation[1];
      rows[tile.row_count++] = p.x + (((n * w.in[0] + id) * w.in[1] + ih) * w.in[2] + window.origin[2]) * p.channels;
    }
    tile.scale = row == row_count ? scale : 1.0f;
    run(tile);
    tile.accumulate = true;
  } while (row < row_count);
}

}  // namespace

void f32_pool(const F32PoolParams& p, const KernelContext& context) {
  const WindowGeometry& w = p.window;
  const size_t row_count = w.batch * w.out[0] * w.out[1];
  if (row_count == 0 || w.out[2] == 0 || p.channels == 0) return;
  const size_t parts = parts_for(context.parallel, row_count, w.out[2] * w.taps() * p.channels);
  parallel_for(context.parallel, parts, [&](size_t index, unsigned) {
    const Part part = part_of(row_count, index, parts);
    for (size_t row = part.begin; row < part.end; row++) {
      const size_t n = row / w.out[1] / w.out[0];
      for (size_t ow = 0; ow < w.out[2]; ow++) {
        const size_t o[3] = {row / w.out[1] % w.out[0], row % w.out[1], ow};
        pool_window(p, *context.kernels->f32_pool, n, o, p.y + (row * w.out[2] + ow) * p.channels);
      }
    }
  });
}

}  // namespace sealedge
