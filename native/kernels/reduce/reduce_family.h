#pragma once

#include <cstddef>

namespace sealedge {

// Reductions of contiguous values to one. `size` may be 0: the neutral element.
struct F32ReduceFamily {
  const char* name;
  float (*sum)(const float* x, size_t size);
  float (*sum_abs)(const float* x, size_t size);
  float (*sum_square)(const float* x, size_t size);
  float (*max)(const float* x, size_t size);  // NaN if there is one
  float (*min)(const float* x, size_t size);
  // y[i] = e^(x[i] - shift), returns their sum; y may be x, or nullptr to get the sum alone.
  float (*sum_exp)(const float* x, float shift, float* y, size_t size);
};

extern const F32ReduceFamily f32_reduce_scalar;
extern const F32ReduceFamily f32_reduce_avx2;
extern const F32ReduceFamily f32_reduce_avx512;
extern const F32ReduceFamily f32_reduce_neon;

}  // namespace sealedge
