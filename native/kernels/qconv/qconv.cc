// Convolution as GEMM over runs, like the float one (conv/conv.cc). Runs must be multiples of 4 bytes long; where they
// are not (an image of three channels) the windows are written out one after another first, rounded up to 4 at the end.
// That costs K bytes moved for K * O multiply-adds, 16 or more of which are one instruction.
#include "kernels/qconv/qconv.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "core/alignment.h"
#include "kernels/parallel.h"
#include "kernels/qconv/padded_bytes.h"
#include "kernels/qgemm/run_qgemm.h"

namespace sealedge {
namespace {

// How the windows are cut into runs, and what lies in scratch.
struct Layout {
  explicit Layout(const Q8ConvParams& p) {
    const WindowGeometry& w = p.window;
    // Whole kernel rows where their taps touch, else single taps.
    const bool row_runs = p.groups == 1 && (w.dilation[2] == 1 || w.kernel[2] == 1);
    columns = row_runs ? 1 : w.kernel[2];
    runs = w.kernel[0] * w.kernel[1] * columns;
    run_length = p.in_channels / p.groups * (row_runs ? w.kernel[2] : 1);
    depth = runs * run_length;
    unrolled = run_length % 4 != 0;
    padded = PaddedBytes::of(w, p.in_channels, p.x_channels_first, unrolled);
    m = w.batch * w.out_pixels();
    unrolled_row = (depth + 3) / 4 * 4;
  }
  size_t offsets_bytes() const { return round_up_64(runs * sizeof(ptrdiff_t)); }
  size_t windows_bytes() const { return unrolled ? round_up_64(m * unrolled_row) : 0; }

  size_t columns, runs, run_length, depth;
  bool unrolled;
  PaddedBytes padded;
  size_t m;
  size_t unrolled_row;
};

void make_run_offsets(const Q8ConvParams& p, const Layout& layout, ptrdiff_t* offsets) {
  const WindowGeometry& w = p.window;
  for (size_t kd = 0; kd < w.kernel[0]; kd++) {
    for (size_t kh = 0; kh < w.kernel[1]; kh++) {
      for (size_t kw = 0; kw < layout.columns; kw++) {
        *offsets++ = static_cast<ptrdiff_t>(layout.padded.tap(w, kd, kh, kw));
      }
    }
  }
}

RunRowsOf<uint8_t> window_rows(const Q8ConvParams& p, const PaddedBytes& padded, const uint8_t* base) {
  const WindowGeometry& w = p.window;
  RunRowsOf<uint8_t> rows = {
      base,
      {w.batch, w.out[0], w.out[1], w.out[2]},
      {padded.image(), w.stride[0] * padded.slice(), w.stride[1] * padded.row(), w.stride[2] * padded.channels}};
  rows.join_contiguous();
  return rows;
}

// Copies 16 bytes at a time and so up to 15 too many, which the next run overwrites.
void unroll_row(const uint8_t* from, const Layout& layout, const ptrdiff_t* offsets, uint8_t* out) {
  for (size_t r = 0; r < layout.runs; r++, out += layout.run_length) {
    const uint8_t* run = from + offsets[r];
    for (size_t j = 0; j < layout.run_length; j += 16) std::memcpy(out + j, run + j, 16);
  }
}

void unroll_row_exactly(const uint8_t* from, const Layout& layout, const ptrdiff_t* offsets, uint8_t* out) {
  for (size_t r = 0; r < layout.runs; r++, out += layout.run_length) {
    std::memcpy(out, from + offsets[r], layout.run_length);
  }
  std::memset(out, 0, layout.unrolled_row - layout.depth);
}

void unroll(const RunRowsOf<uint8_t>& rows, const Layout& layout, const ptrdiff_t* offsets, uint8_t* out,
            const KernelContext& context) {
  const size_t parts = parts_for(context.parallel, layout.m, layout.unrolled_row * kMoveWork / 4);
  parallel_for(context.parallel, parts, [&](size_t index, unsigned) {
    const Part part = part_of(layout.m, index, parts);
    RowCursor<uint8_t> cursor(rows, part.begin);
    // The last rows of a part must not reach into the next one's.
    const size_t exact_rows = 16 / layout.unrolled_row + 1;
    const size_t fast_end = part.end - std::min(exact_rows, part.end - part.begin);
    for (size_t m = part.begin; m < part.end; m++) {
      const uint8_t* from;
      cursor.take(&from, 1);
      (m < fast_end ? unroll_row : unroll_row_exactly)(from, layout, offsets, out + m * layout.unrolled_row);
    }
  });
}

template <typename T>
uint32_t sum_of(const uint8_t* bytes, size_t size) {
  uint32_t sum = 0;
  for (size_t i = 0; i < size; i++) sum += static_cast<uint32_t>(static_cast<int32_t>(static_cast<T>(bytes[i])));
  return sum;
}

// Per row: the sum over K of (x - x_zero), for weights with a zero point.
void sum_rows(const Q8ConvParams& p, const Layout& layout, const RunRowsOf<uint8_t>& rows, const ptrdiff_t* offsets,
              int32_t* sums, const KernelContext& context) {
  const size_t parts = parts_for(context.parallel, layout.m, layout.depth);
  parallel_for(context.parallel, parts, [&](size_t index, unsigned) {
    const Part part = part_of(layout.m, index, parts);
    RowCursor<uint8_t> cursor(rows, part.begin);
    for (size_t m = part.begin; m < part.end; m++) {
      const uint8_t* from;
      cursor.take(&from, 1);
      uint32_t sum = 0 - static_cast<uint32_t>(p.x_zero) * static_cast<uint32_t>(layout.depth);
      for (size_t r = 0; r < layout.runs; r++) {
        const auto run_sum = p.x_signed ? sum_of<int8_t> : sum_of<uint8_t>;
        sum += run_sum(from + offsets[r], layout.run_length);
      }
      sums[m] = static_cast<int32_t>(sum);
    }
  });
}

}  // namespace

size_t q8_conv_scratch_bytes(const Q8ConvParams& p) {
  const Layout layout(p);
  const size_t sums = p.weights_have_zero_point ? round_up_64(layout.m * sizeof(int32_t)) : 0;
  return layout.offsets_bytes() + layout.padded.scratch_bytes() + layout.windows_bytes() + sums;
}

void q8_conv(const Q8ConvParams& p, const WeightSource& weights, const KernelContext& context) {
  assert(p.in_channels % p.groups == 0 && p.out_channels % p.groups == 0);
  assert((p.weight_zero != nullptr) == p.weights_have_zero_point);
  const Layout layout(p);
  if (layout.m == 0) return;
  assert(weights.size_bytes() == q8_panel16_bytes(layout.depth, p.out_channels));

  auto* offsets = reinterpret_cast<ptrdiff_t*>(context.scratch);
  uint8_t* padded_copy = context.scratch + layout.offsets_bytes();
  uint8_t* windows = padded_copy + layout.padded.scratch_bytes();
  auto* sums = reinterpret_cast<int32_t*>(windows + layout.windows_bytes());
  const uint8_t* x = pad_bytes(layout.padded, p.window, p.x, static_cast<uint8_t>(p.x_zero), padded_copy, context);
  make_run_offsets(p, layout, offsets);

  const size_t group_in = p.in_channels / p.groups, group_out = p.out_channels / p.groups;
  for (size_t g = 0; g < p.groups; g++) {
    RunRowsOf<uint8_t> rows = window_rows(p, layout.padded, x + g * group_in);
    if (p.weights_have_zero_point) sum_rows(p, layout, rows, offsets, sums, context);
    const ptrdiff_t start = 0;
    if (layout.unrolled) {
      unroll(rows, layout, offsets, windows, context);
      rows = {windows, {1, 1, 1, layout.m}, {0, 0, 0, layout.unrolled_row}};
    }
    q8_run_gemm({.rows = rows,
                 .a_signed = p.x_signed,
                 .a_zero = p.x_zero,
                 .run_offsets = layout.unrolled ? &start : offsets,
                 .runs = layout.unrolled ? 1 : layout.runs,
                 .run_length = layout.unrolled ? layout.unrolled_row : layout.run_length,
                 .lane_first = g * group_out,
                 .lanes = group_out,
                 .bias = p.bias,
                 .weight_zero = p.weight_zero,
                 .row_terms = p.weights_have_zero_point ? sums : nullptr,
                 .c = p.y,
                 .c_stride = p.out_channels,
                 .epilogue = p.epilogue},
                weights, context);
  }
}

}  // namespace sealedge
