// Resizing a dense tensor, one table of sources per dimension (ONNX Resize-19 is separable).
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/kernel_context.h"

namespace sealedge {

inline constexpr size_t kMaxResizeRank = 16;

// Every output element is one input element. Dimensions in memory order.
struct NearestResize {
  size_t element_bytes;  // 1, 2, 4 or 8
  size_t rank;
  size_t in[kMaxResizeRank];
  size_t out[kMaxResizeRank];
  const uint32_t* source[kMaxResizeRank];  // [out] positions < in; nullptr: the dimension is not resized
};
void resize_nearest(const NearestResize& resize, const void* x, void* y, const KernelContext& context);

// (outer, in, inner) to (outer, out, inner): element j of the middle dimension is the sum of `taps` elements
// source[j * taps + k], weighted.
struct WeightedResize {
  size_t outer, in, out, inner;
  size_t taps;
  const uint32_t* source;
  const float* weight;
};
void f32_resize_axis(const WeightedResize& resize, const float* x, float* y, const KernelContext& context);
void f64_resize_axis(const WeightedResize& resize, const double* x, double* y, const KernelContext& context);

}  // namespace sealedge
