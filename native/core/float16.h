// IEEE 754 binary16 as a C++ type for scalar loops: read as float, written with one rounding to nearest, ties to even.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>

namespace sealedge {

struct Float16 {
  uint16_t bits = 0;

  Float16() = default;
  // From double too without a float in between, which would round twice.
  explicit Float16(double value) : bits(encode(value)) {}
  explicit Float16(float value) : bits(encode(static_cast<double>(value))) {}
  static constexpr Float16 from_bits(uint16_t bits) {
    Float16 half;
    half.bits = bits;
    return half;
  }

  // Exact. Implicit, so that comparisons and arithmetic happen in float.
  operator float() const {  // NOLINT(google-explicit-constructor)
    const uint32_t sign = (bits & 0x8000u) << 16, rest = bits & 0x7fffu;
    // Shifted into float's place the exponent is 112 too small; the product corrects that, denormals included.
    if (rest < 0x7c00u) return std::bit_cast<float>(std::bit_cast<uint32_t>(shifted(rest) * 0x1p112f) | sign);
    return std::bit_cast<float>(sign | 0x7f800000u | (rest & 0x3ffu) << 13);
  }

 private:
  static float shifted(uint32_t rest) { return std::bit_cast<float>(rest << 13); }

  static uint16_t encode(double value) {
    const auto all = std::bit_cast<uint64_t>(value);
    const auto sign = static_cast<uint16_t>(all >> 48 & 0x8000u);
    const uint64_t magnitude = all & ~(uint64_t{1} << 63);
    const auto with_sign = [sign](uint64_t rest) { return static_cast<uint16_t>(sign | rest); };
    if (magnitude > 0x7ff0000000000000u) return with_sign(0x7e00u | (magnitude >> 42 & 0x1ffu));  // NaN, made quiet
    const auto size = std::bit_cast<double>(magnitude);
    if (size >= 65520.0) return with_sign(0x7c00u);  // half way to 2^16, and above
    // Denormal: added to 2^28, the last place of the sum is 2^-24, and the FPU rounds.
    if (size < 0x1p-14) return with_sign(std::bit_cast<uint64_t>(size + 0x1p28) & 0xffffu);
    const uint64_t rounded = magnitude + ((magnitude >> 42 & 1u) + (uint64_t{1} << 41) - 1u);
    return with_sign((rounded >> 42) - (uint64_t{1023 - 15} << 10));
  }
};
static_assert(sizeof(Float16) == 2);

}  // namespace sealedge

template <>
struct std::numeric_limits<sealedge::Float16> {
  static constexpr bool is_specialized = true;
  static constexpr bool is_signed = true;
  static constexpr bool is_integer = false;
  static constexpr bool has_infinity = true;
  static constexpr bool has_quiet_NaN = true;
  static constexpr sealedge::Float16 infinity() { return sealedge::Float16::from_bits(0x7c00); }
  static constexpr sealedge::Float16 quiet_NaN() { return sealedge::Float16::from_bits(0x7e00); }
  static constexpr sealedge::Float16 max() { return sealedge::Float16::from_bits(0x7bff); }
  static constexpr sealedge::Float16 lowest() { return sealedge::Float16::from_bits(0xfbff); }
  static constexpr sealedge::Float16 min() { return sealedge::Float16::from_bits(0x0400); }
};
