// What is done to a sum of products before it is stored, while it is still in registers (design decision 5: a
// BatchNormalization is a scale and a shift here, never a rewriting of weights).
//
//   y[m][o] = activation(sum[m][o] * scale[o] + shift[o] + residual[m][o])
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "kernels/elementwise/unary_params.h"

namespace sealedge {

// kClamp: min(max(v, lo), hi), NaN stays NaN; Relu is lo = 0, hi = infinity. kLeakyRelu: v < 0 ? slope * v : v.
// Every other activation is `after`: the driver applies it to rows that are finished and still in the nearest cache.
enum class F32Activation : uint8_t { kNone, kClamp, kLeakyRelu };

struct F32Epilogue {
  const float* scale = nullptr;     // [O], nullptr: 1
  const float* shift = nullptr;     // [O], nullptr: 0
  const float* residual = nullptr;  // [M][O], nullptr: 0; no overlap with the output
  size_t residual_stride = 0;       // elements from one row of residual to the next
  F32Activation activation = F32Activation::kNone;
  float lo = -std::numeric_limits<float>::infinity();
  float hi = std::numeric_limits<float>::infinity();
  float slope = 0.0f;
  // A vector function of elementwise/unary.h on `size` neighbours in place, nullptr: none. No tile looks at it.
  void (*after)(UnaryParams params, const float* x, float* y, size_t size) = nullptr;
  UnaryParams after_params = {};
};

}  // namespace sealedge
