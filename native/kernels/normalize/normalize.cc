#include "kernels/normalize/normalize.h"

#include <algorithm>

#include "kernels/dispatch.h"
#include "kernels/elementwise/binary_family.h"
#include "kernels/parallel.h"
#include "kernels/reduce/reduce_family.h"

namespace sealedge {
namespace {

// Long rows are summed in pieces, joined in double: a float sum of millions of values would lose digits.
constexpr size_t kPiece = 4096;

F32BinaryFn function_of(BinaryOp op, BinaryForm form, const KernelTable& kernels) {
  const auto o = static_cast<size_t>(op), f = static_cast<size_t>(form);
  return kernels.f32_binary->op[o][f] ? kernels.f32_binary->op[o][f] : f32_binary_scalar.op[o][f];
}

double pieces(float (*sum)(const float*, size_t), const float* x, size_t count) {
  double total = 0;
  for (size_t i = 0; i < count; i += kPiece) total += static_cast<double>(sum(x + i, std::min(kPiece, count - i)));
  return total;
}

void normalize_row(const NormalizeRows& shape, const NormalizeData<float>& data, size_t row,
                   const KernelTable& kernels) {
  const F32ReduceFamily& reduce = *kernels.f32_reduce;
  const auto with_scalar = [&](BinaryOp op, const float* x, float value, float* y, size_t size) {
    function_of(op, BinaryForm::kVectorScalar, kernels)(x, &value, y, size);
  };
  const auto with_vector = [&](BinaryOp op, const float* x, const float* other, float* y, size_t size) {
    function_of(op, BinaryForm::kVectorVector, kernels)(x, other, y, size);
  };
  const float* x = data.x + row * shape.count;
  float* y = data.y + row * shape.count;
  const auto count = static_cast<double>(shape.count);
  float mean = 0;
  if (shape.center) {
    mean = static_cast<float>(pieces(reduce.sum, x, shape.count) / count);
    // Deviations are squared, not values: the difference of two large squares would have no digits left.
    with_scalar(BinaryOp::kSub, x, mean, y, shape.count);
    x = y;
  }
  const double variance = pieces(reduce.sum_square, x, shape.count) / count;
  const auto inverse = static_cast<float>(1 / std::sqrt(variance + static_cast<double>(shape.epsilon)));
  if (data.mean) data.mean[row] = mean;
  if (data.inverse_deviation) data.inverse_deviation[row] = inverse;
  if (!shape.per_segment) {
    with_scalar(BinaryOp::kMul, x, inverse, y, shape.count);
    if (data.scale) with_vector(BinaryOp::kMul, y, data.scale, y, shape.count);
    if (data.bias) with_vector(BinaryOp::kAdd, y, data.bias, y, shape.count);
    return;
  }
  for (size_t s = 0; s < shape.segments; s++) {
    const size_t size = shape.segment_size(), at = shape.affine_index(row, s * size);
    with_scalar(BinaryOp::kMul, x + s * size, data.scale ? inverse * data.scale[at] : inverse, y + s * size, size);
    if (data.bias) with_scalar(BinaryOp::kAdd, y + s * size, data.bias[at], y + s * size, size);
  }
}

}  // namespace

void f32_normalize_rows(const NormalizeRows& shape, const NormalizeData<float>& data, const KernelContext& context) {
  const size_t parts = parts_for(context.parallel, shape.rows, shape.count * kMoveWork);
  parallel_for(context.parallel, parts, [&](size_t index, unsigned) {
    const Part part = part_of(shape.rows, index, parts);
    for (size_t row = part.begin; row < part.end; row++) normalize_row(shape, data, row, *context.kernels);
  });
}

}  // namespace sealedge
