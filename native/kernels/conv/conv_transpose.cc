#include "kernels/conv/conv_transpose.h"

#include <cassert>
#include <cstring>

#include "kernels/gemm/run_gemm.h"
#include "kernels/parallel.h"

namespace sealedge {
namespace {

// Columns of one input pixel, for one group.
size_t columns_of(const F32ConvTransposeParams& p) { return p.out_channels / p.groups * p.window.taps(); }

// Along one dimension: the input position whose tap k falls on output position y, if there is one.
bool source_of(const WindowGeometry& w, int dimension, size_t y, size_t k, size_t* source) {
  const size_t reach = y + w.pad_begin[dimension], shift = k * w.dilation[dimension];
  if (reach < shift || (reach - shift) % w.stride[dimension] != 0) return false;
  *source = (reach - shift) / w.stride[dimension];
  return *source < w.out[dimension];
}

// Adds tap (.., kw) of one row of input pixels to a row of Y: pixel i goes to i * stride + kw * dilation - pad.
void add_taps(const F32ConvTransposeParams& p, const float* columns, size_t kw, size_t tap, float* row) {
  const WindowGeometry& w = p.window;
  const size_t taps = w.taps(), channels = p.out_channels / p.groups, step = channels * taps, stride = w.stride[2];
  const size_t shift = kw * w.dilation[2], pad = w.pad_begin[2];
  const size_t first = shift >= pad ? 0 : (pad - shift + stride - 1) / stride;
  for (size_t i = first; i < w.out[2]; i++) {
    const size_t at = i * stride + shift - pad;
    if (at >= w.in[2]) break;
    const float* from = columns + i * step + tap;
    float* to = row + at * p.out_channels;
    for (size_t c = 0; c < channels; c++) to[c] += from[c * taps];
  }
}

// Row (d, h) of one image of Y, of one group's channels.
void gather_row(const F32ConvTransposeParams& p, const float* columns, size_t d, size_t h, float* row) {
  const WindowGeometry& w = p.window;
  const size_t step = columns_of(p);
  for (size_t kd = 0; kd < w.kernel[0]; kd++) {
    size_t id;
    if (!source_of(w, 0, d, kd, &id)) continue;
    for (size_t kh = 0; kh < w.kernel[1]; kh++) {
      size_t ih;
      if (!source_of(w, 1, h, kh, &ih)) continue;
      const float* pixels = columns + (id * w.out[1] + ih) * w.out[2] * step;
      for (size_t kw = 0; kw < w.kernel[2]; kw++) {
        add_taps(p, pixels, kw, (kd * w.kernel[1] + kh) * w.kernel[2] + kw, row);
      }
    }
  }
}

// `pixel` is the number of the first pixel of the row within Y.
void finish_row(const F32ConvTransposeParams& p, size_t pixel, float* row) {
  const F32Epilogue& e = p.epilogue;
  const size_t width = p.window.in[2], channels = p.out_channels;
  float* const begin = row;
  for (size_t i = 0; i < width; i++, row += channels) {
    if (e.scale) {
      for (size_t c = 0; c < channels; c++) row[c] *= e.scale[c];
    }
    if (e.shift) {
      for (size_t c = 0; c < channels; c++) row[c] += e.shift[c];
    }
    if (e.residual) {
      const float* residual = e.residual + (pixel + i) * e.residual_stride;
      for (size_t c = 0; c < channels; c++) row[c] += residual[c];
    }
    if (e.activation == F32Activation::kClamp) {
      // Comparisons with NaN are false, so NaN passes.
      for (size_t c = 0; c < channels; c++) {
        const float v = row[c] < e.lo ? e.lo : row[c];
        row[c] = v > e.hi ? e.hi : v;
      }
    } else if (e.activation == F32Activation::kLeakyRelu) {
      for (size_t c = 0; c < channels; c++) row[c] = row[c] < 0.0f ? row[c] * e.slope : row[c];
    }
  }
  if (e.after) e.after(e.after_params, begin, begin, width * channels);
}

}  // namespace

size_t f32_conv_transpose_scratch_bytes(const F32ConvTransposeParams& params) {
  return params.window.out_pixels() * columns_of(params) * sizeof(float);
}

void f32_conv_transpose(const F32ConvTransposeParams& p, const WeightSource& weights, const KernelContext& context) {
  const WindowGeometry& w = p.window;
  assert(p.in_channels % p.groups == 0 && p.out_channels % p.groups == 0);
  const size_t group_in = p.in_channels / p.groups, group_out = p.out_channels / p.groups, columns = columns_of(p);
  const size_t rows = w.in[0] * w.in[1], row_elements = w.in[2] * p.out_channels;
  auto* scratch = reinterpret_cast<float*>(context.scratch);
  const ptrdiff_t start = 0;
  for (size_t n = 0; n < w.batch; n++) {
    float* y = p.y + n * rows * row_elements;
    for (size_t g = 0; g < p.groups; g++) {
      const float* x = p.x + n * w.out_pixels() * p.in_channels + g * group_in;
      f32_run_gemm({.rows = {x, {1, 1, 1, w.out_pixels()}, {0, 0, 0, p.in_channels}},
                    .run_offsets = &start,
                    .runs = 1,
                    .run_length = group_in,
                    .panel_steps = p.in_channels,
                    .first_step = g * group_in,
                    .lane_first = 0,
                    .lanes = columns,
                    .c = scratch,
                    .c_stride = columns,
                    .epilogue = {}},
                   weights, context);
      // One stride after the other: of an input of one pixel they may be anything, and their product 2^64.
      const size_t per_pixel = 1 + w.taps() / w.stride[0] / w.stride[1] / w.stride[2];
      const size_t work = w.in[2] * group_out * per_pixel * kMoveWork;
      const size_t parts = parts_for(context.parallel, rows, work);
      parallel_for(context.parallel, parts, [&](size_t index, unsigned) {
        const Part part = part_of(rows, index, parts);
        for (size_t r = part.begin; r < part.end; r++) {
          float* row = y + r * row_elements;
          if (g == 0) std::memset(row, 0, row_elements * sizeof(float));
          gather_row(p, scratch, r / w.in[1], r % w.in[1], row + g * group_out);
          if (g + 1 == p.groups) finish_row(p, (n * rows + r) * w.in[2], row);
        }
      });
    }
  }
}

}  // namespace sealedge
