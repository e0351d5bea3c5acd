// Softmax and LogSoftmax along one axis of X (outer, axis, inner), row-major. y may be x.
// A NaN, or a row of only -infinity, gives NaN in that row, as the formula does.
#pragma once

#include <cstddef>

#include "kernels/kernel_context.h"

namespace sealedge {

struct F32SoftmaxParams {
  size_t outer, axis, inner;
  bool log = false;
  const float* x;
  float* y;
};

void f32_softmax(const F32SoftmaxParams& params, const KernelContext& context);

}  // namespace sealedge
