// From int32 sums to what is stored, the one rounding of an integer kernel (docs/QUANTISATION.md, "Requantisation"):
//
//   kInt32     y = sum                                       (modulo 2^32: sums wrap, on every CPU alike)
//   kFloat32   y = fl32(fl32(sum) * multiplier[o])
//   else       y = rint_half_even(min(max(fl32(fl32(sum) * multiplier[o]), lo), hi)) + zero_point
//
// lo and hi are whole numbers, so that clamping before rounding is clamping after it; they are the bounds of the type,
// or those of an activation between, less the zero point. A product that is not a number gives lo.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sealedge {

enum class Q8Output : uint8_t { kInt8, kUint8, kInt32, kFloat32 };

constexpr size_t q8_output_bytes(Q8Output output) {
  return output == Q8Output::kInt32 || output == Q8Output::kFloat32 ? 4 : 1;
}

struct Q8Epilogue {
  Q8Output output = Q8Output::kInt32;
  const float* multiplier = nullptr;  // one per output channel; not looked at for kInt32
  float lo = 0;
  float hi = 0;
  int32_t zero_point = 0;
};

}  // namespace sealedge
