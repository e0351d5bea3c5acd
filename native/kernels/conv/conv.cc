// Convolution as GEMM over runs (gemm/gemm_tile.h): with the padding written out around a copy of X, every tap of every
// output pixel is a plain address, and the taps of one kernel row are contiguous with their channels. The copy costs
// one pass over X, against kernel_height * kernel_width * O multiply-adds per element; without padding there is none.
// Where most of that would be padding, the convolution goes by regions (conv_regions.h).
#include "kernels/conv/conv.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "core/alignment.h"
#include "kernels/conv/conv_regions.h"
#include "kernels/dispatch.h"
#include "kernels/gemm/run_gemm.h"
#include "kernels/layout/layout_family.h"
#include "kernels/parallel.h"

namespace sealedge {
namespace {

// Runs of K: whole kernel rows where their taps touch, else single taps.
bool rows_are_contiguous(const F32ConvParams& p) {
  return p.groups == 1 && (p.window.dilation[2] == 1 || p.window.kernel[2] == 1);
}
size_t run_count(const F32ConvParams& p) {
  const size_t* k = p.window.kernel;
  return k[0] * k[1] * (rows_are_contiguous(p) ? 1 : k[2]);
}

// What of X, with its padding, the windows reach: position 0 is pad_begin before X.
struct PaddedInput {
  size_t size[3];
  bool copied;
  size_t elements(const F32ConvParams& p) const { return p.window.batch * size[0] * size[1] * size[2] * p.in_channels; }
};

PaddedInput padded_input(const F32ConvParams& p, bool by_regions) {
  const WindowGeometry& w = p.window;
  PaddedInput padded;
  if (by_regions) return {{w.in[0], w.in[1], w.in[2]}, p.x_channels_first && p.in_channels > 1};
  padded.copied = p.x_channels_first && p.in_channels > 1;
  for (int d = 0; d < 3; d++) {
    const size_t reach = w.out[d] == 0 ? 0 : (w.out[d] - 1) * w.stride[d] + (w.kernel[d] - 1) * w.dilation[d] + 1;
    if (w.pad_begin[d] > 0 || reach > w.in[d]) padded.copied = true;
    padded.size[d] = reach;
  }
  if (!padded.copied) {
    for (int d = 0; d < 3; d++) padded.size[d] = w.in[d];
  }
  return padded;
}

// One row (n, d, h) of the padded copy.
void copy_row(const F32ConvParams& p, const LayoutFamily& layout, const PaddedInput& padded, size_t row, float* out) {
  const WindowGeometry& w = p.window;
  const size_t channels = p.in_channels, width = padded.size[2];
  const size_t h = row % padded.size[1], d = row / padded.size[1] % padded.size[0],
               n = row / padded.size[1] / padded.size[0];
  // Wraps far above `in` for positions in the leading padding.
  const size_t id = d - w.pad_begin[0], ih = h - w.pad_begin[1];
  if (id >= w.in[0] || ih >= w.in[1]) {
    std::memset(out, 0, width * channels * sizeof(float));
    return;
  }
  const size_t left = w.pad_begin[2] < width ? w.pad_begin[2] : width;
  const size_t middle = width - left < w.in[2] ? width - left : w.in[2];
  std::memset(out, 0, left * channels * sizeof(float));
  if (p.x_channels_first) {
    const size_t plane = w.in_pixels();
    const float* from = p.x + n * channels * plane + (id * w.in[1] + ih) * w.in[2];
    layout.interleave_32(from, plane, channels, middle, out + left * channels);
  } else {
    const float* from = p.x + ((n * w.in[0] + id) * w.in[1] + ih) * w.in[2] * channels;
    std::memcpy(out + left * channels, from, middle * channels * sizeof(float));
  }
  std::memset(out + (left + middle) * channels, 0, (width - left - middle) * channels * sizeof(float));
}

void make_run_offsets(const F32ConvParams& p, const PaddedInput& padded, ptrdiff_t* offsets) {
  const WindowGeometry& w = p.window;
  const size_t columns = rows_are_contiguous(p) ? 1 : w.kernel[2];
  for (size_t kd = 0; kd < w.kernel[0]; kd++) {
    for (size_t kh = 0; kh < w.kernel[1]; kh++) {
      for (size_t kw = 0; kw < columns; kw++) {
        const size_t row = kd * w.dilation[0] * padded.size[1] + kh * w.dilation[1];
        *offsets++ = static_cast<ptrdiff_t>((row * padded.size[2] + kw * w.dilation[2]) * p.in_channels);
      }
    }
  }
}

RunRows run_rows(const F32ConvParams& p, const PaddedInput& padded, const float* base) {
  const WindowGeometry& w = p.window;
  const size_t pixel = p.in_channels, row = padded.size[2] * pixel, slice = padded.size[1] * row;
  RunRows rows = {base,
                  {w.batch, w.out[0], w.out[1], w.out[2]},
                  {padded.size[0] * slice, w.stride[0] * slice, w.stride[1] * row, w.stride[2] * pixel}};
  rows.join_contiguous();
  return rows;
}

}  // namespace

size_t f32_conv_scratch_bytes(const F32ConvParams& params) {
  const PaddedInput padded = padded_input(params, f32_conv_regions_pay(params));
  const size_t copy = padded.copied ? padded.elements(params) * sizeof(float) : 0;
  return round_up_64(run_count(params) * sizeof(ptrdiff_t)) + round_up_64(copy);
}

void f32_conv(const F32ConvParams& p, const WeightSource& weights, const KernelContext& context) {
  const WindowGeometry& w = p.window;
  assert(p.in_channels % p.groups == 0 && p.out_channels % p.groups == 0);
  assert(weights.size_bytes() == f32_conv_weight_bytes(w, p.in_channels, p.out_channels, p.groups));
  if (w.batch == 0 || w.out_pixels() == 0) return;

  const bool by_regions = f32_conv_regions_pay(p);
  const PaddedInput padded = padded_input(p, by_regions);
  auto* offsets = reinterpret_cast<ptrdiff_t*>(context.scratch);
  const float* x = p.x;
  if (padded.copied) {
    auto* copy = reinterpret_cast<float*>(context.scratch + round_up_64(run_count(p) * sizeof(ptrdiff_t)));
    F32ConvParams source = p;
    if (by_regions) std::fill(source.window.pad_begin, source.window.pad_begin + 3, 0);
    const size_t rows = w.batch * padded.size[0] * padded.size[1];
    const size_t parts = parts_for(context.parallel, rows, padded.size[2] * p.in_channels * kMoveWork);
    parallel_for(context.parallel, parts, [&](size_t index, unsigned) {
      const Part part = part_of(rows, index, parts);
      for (size_t row = part.begin; row < part.end; row++) {
        copy_row(source, *context.kernels->layout, padded, row, copy + row * padded.size[2] * p.in_channels);
      }
    });
    x = copy;
  }
  if (by_regions) {
    F32ConvParams regions = p;
    regions.x = x;
    return f32_conv_regions(regions, weights, offsets, context);
  }
  make_run_offsets(p, padded, offsets);

  const size_t group_in = p.in_channels / p.groups, group_out = p.out_channels / p.groups;
  for (size_t g = 0; g < p.groups; g++) {
    f32_run_gemm({.rows = run_rows(p, padded, x + g * group_in),
                  .run_offsets = offsets,
                  .runs = run_count(p),
                  .run_length = (rows_are_contiguous(p) ? w.kernel[2] : 1) * group_in,
                  .lane_first = g * group_out,
                  .lanes = group_out,
                  .c = p.y,
                  .c_stride = p.out_channels,
                  .epilogue = p.epilogue},
                 weights, context);
  }
}

}  // namespace sealedge
