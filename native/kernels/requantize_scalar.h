// The epilogue of one sum, written down plainly: what the SIMD epilogues must equal.
#pragma once

#include <cstring>

#include "kernels/requantize.h"

namespace sealedge {

// Nearest whole number, ties to even, of |v| < 2^22: adding 1.5 * 2^23 leaves no bit for a fraction, in the default
// rounding mode (and the compiler, without leave to reassociate, keeps both operations).
inline float rint_half_even_scalar(float v) { return (v + 12582912.0f) - 12582912.0f; }

// v in units of the output's step: clamped, rounded, moved.
inline int32_t round_to_step_scalar(float v, float lo, float hi, int32_t zero_point) {
  v = v > lo ? v : lo;
  v = v < hi ? v : hi;
  return static_cast<int32_t>(rint_half_even_scalar(v)) + zero_point;
}

// y is where the element goes.
inline void q8_store_scalar(const Q8Epilogue& e, int32_t sum, size_t lane, uint8_t* y) {
  if (e.output == Q8Output::kInt32) {
    std::memcpy(y, &sum, sizeof sum);
    return;
  }
  const float v = static_cast<float>(sum) * e.multiplier[lane];
  if (e.output == Q8Output::kFloat32) {
    std::memcpy(y, &v, sizeof v);
    return;
  }
  *y = static_cast<uint8_t>(round_to_step_scalar(v, e.lo, e.hi, e.zero_point));
}

}  // namespace sealedge
