// softmax(x) = e^(x - max) / sum of e^(x - max), in three forms over the primitives of the reduce and elementwise
// families: long rows, short rows, and an axis with other dimensions inside it.
#include "kernels/softmax/softmax.h"

#include <algorithm>
#include <cmath>

#include "kernels/dispatch.h"
#include "kernels/elementwise/binary_family.h"
#include "kernels/elementwise/unary_family.h"
#include "kernels/parallel.h"
#include "kernels/reduce/reduce_family.h"

namespace sealedge {
namespace {

// Rows shorter than this waste most of each vector: their exponentials are taken together, in one buffer of this many
// values.
constexpr size_t kShortRow = 16;
constexpr size_t kChunk = 256;

F32BinaryFn binary(const KernelTable& kernels, BinaryOp op, BinaryForm form) {
  return kernels.f32_binary->op[static_cast<size_t>(op)][static_cast<size_t>(form)];
}

void long_row(const KernelTable& kernels, bool log, const float* x, float* y, size_t size) {
  const F32ReduceFamily& reduce = *kernels.f32_reduce;
  const float max = reduce.max(x, size);
  if (log) {
    // Twice subtracted, not once their sum: where max is large, log sum would drown in its rounding.
    const float log_sum = std::log(reduce.sum_exp(x, max, nullptr, size));
    const auto subtract = binary(kernels, BinaryOp::kSub, BinaryForm::kVectorScalar);
    subtract(x, &max, y, size);
    subtract(y, &log_sum, y, size);
    return;
  }
  const float scale = 1.0f / reduce.sum_exp(x, max, y, size);
  binary(kernels, BinaryOp::kMul, BinaryForm::kVectorScalar)(y, &scale, y, size);
}

float max_step(float best, float x) { return x > best || x != x ? x : best; }

// `rows` rows of `size` < kShortRow values, rows * size <= kChunk.
void short_rows(const KernelTable& kernels, bool log, const float* x, float* y, size_t rows, size_t size) {
  float shifted[kChunk], power[kChunk];
  for (size_t r = 0; r < rows; r++) {
    float max = x[r * size];
    for (size_t i = 1; i < size; i++) max = max_step(max, x[r * size + i]);
    for (size_t i = 0; i < size; i++) shifted[r * size + i] = x[r * size + i] - max;
  }
  kernels.f32_unary->op[static_cast<size_t>(UnaryOp::kExp)]({}, shifted, power, rows * size);
  for (size_t r = 0; r < rows; r++) {
    float sum = 0.0f;
    for (size_t i = 0; i < size; i++) sum += power[r * size + i];
    const float factor = log ? std::log(sum) : 1.0f / sum;
    for (size_t i = 0; i < size; i++) {
      y[r * size + i] = log ? shifted[r * size + i] - factor : power[r * size + i] * factor;
    }
  }
}

// `columns` <= kChunk neighbours inside the axis, `stride` from one position of the axis to the next.
void softmax_columns(const KernelTable& kernels, bool log, const float* x, float* y, size_t axis, size_t columns,
                     size_t stride) {
  const auto exp = kernels.f32_unary->op[static_cast<size_t>(UnaryOp::kExp)];
  const auto max = binary(kernels, BinaryOp::kMax, BinaryForm::kVectorVector);
  const auto sub = binary(kernels, BinaryOp::kSub, BinaryForm::kVectorVector);
  const auto add = binary(kernels, BinaryOp::kAdd, BinaryForm::kVectorVector);
  const auto div = binary(kernels, BinaryOp::kDiv, BinaryForm::kVectorVector);
  float best[kChunk], sum[kChunk] = {}, power[kChunk];
  std::copy(x, x + columns, best);
  for (size_t i = 1; i < axis; i++) max(best, x + i * stride, best, columns);
  for (size_t i = 0; i < axis; i++) {
    float* out = y + i * stride;
    sub(x + i * stride, best, out, columns);
    exp({}, out, log ? power : out, columns);
    add(sum, log ? power : out, sum, columns);
  }
  for (size_t c = 0; log && c < columns; c++) sum[c] = std::log(sum[c]);
  for (size_t i = 0; i < axis; i++) (log ? sub : div)(y + i * stride, sum, y + i * stride, columns);
}

}  // namespace

void f32_softmax(const F32SoftmaxParams& p, const KernelContext& context) {
  const KernelTable& kernels = *context.kernels;
  if (p.outer == 0 || p.axis == 0 || p.inner == 0) return;
  if (p.inner > 1) {
    const size_t chunks = (p.inner + kChunk - 1) / kChunk;
    const size_t units = p.outer * chunks;
    const size_t parts = parts_for(context.parallel, units, p.axis * std::min(kChunk, p.inner) * kFunctionWork);
    parallel_for(context.parallel, parts, [&](size_t index, unsigned) {
      const Part part = part_of(units, index, parts);
      for (size_t i = part.begin; i < part.end; i++) {
        const size_t column = i % chunks * kChunk;
        const size_t start = i / chunks * p.axis * p.inner + column;
        softmax_columns(kernels, p.log, p.x + start, p.y + start, p.axis, std::min(kChunk, p.inner - column), p.inner);
      }
    });
    return;
  }
  const size_t rows_together = p.axis < kShortRow ? kChunk / p.axis : 1;
  const size_t groups = (p.outer + rows_together - 1) / rows_together;
  const size_t parts = parts_for(context.parallel, groups, rows_together * p.axis * kFunctionWork);
  parallel_for(context.parallel, parts, [&](size_t index, unsigned) {
    const Part part = part_of(groups, index, parts);
    for (size_t row = part.begin * rows_together; row < part.end * rows_together; row += rows_together) {
      const float* x = p.x + row * p.axis;
      float* y = p.y + row * p.axis;
      if (p.axis < kShortRow) {
        short_rows(kernels, p.log, x, y, std::min(rows_together, p.outer - row), p.axis);
      } else {
        long_row(kernels, p.log, x, y, p.axis);
      }
    }
  });
}

}  // namespace sealedge
