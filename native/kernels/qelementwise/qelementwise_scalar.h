// The formulas of one element: what the SIMD kernels must equal, and their tails.
#pragma once

#include "kernels/qelementwise/qelementwise.h"
#include "kernels/requantize_scalar.h"

namespace sealedge {

inline float q8_dequantize_scalar(const Q8Scale& from, uint8_t x) {
  const int32_t value = from.is_signed ? static_cast<int8_t>(x) : x;
  return static_cast<float>(value - from.zero_point) * from.scale;
}

inline uint8_t q8_quantize_scalar(const Q8Step& to, float x) {
  return static_cast<uint8_t>(round_to_step_scalar(x / to.scale, to.lo, to.hi, to.zero_point));
}

inline uint8_t q8_binary_scalar(const Q8BinaryParams& p, uint8_t a, uint8_t b) {
  const float x = q8_dequantize_scalar(p.a, a), y = q8_dequantize_scalar(p.b, b);
  return q8_quantize_scalar(p.y, p.op == Q8Binary::kAdd ? x + y : x * y);
}

}  // namespace sealedge
