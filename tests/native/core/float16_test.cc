#include "core/float16.h"

#include <gtest/gtest.h>

#include <cmath>

namespace sealedge {
namespace {

TEST(Float16Test, EveryValueComesBack) {
  for (uint32_t bits = 0; bits <= 0xffff; ++bits) {
    const auto half = Float16::from_bits(static_cast<uint16_t>(bits));
    const float value = half;
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(static_cast<float>(Float16(value)))) << bits;
      continue;
    }
    // The definition (IEEE 754, 3.4): exponent bias 15, ten fraction bits.
    const int exponent = static_cast<int>(bits >> 10 & 31), fraction = static_cast<int>(bits & 1023);
    const double want = exponent == 31  ? INFINITY
                        : exponent == 0 ? std::ldexp(fraction, -24)
                                        : std::ldexp(1024 + fraction, exponent - 25);
    EXPECT_EQ(value, (bits & 0x8000) != 0 ? -want : want) << bits;
    EXPECT_EQ(Float16(value).bits, bits);
  }
}

TEST(Float16Test, RoundsToNearestTiesToEven) {
  for (uint32_t bits = 0; bits < 0x7bff; ++bits) {
    const double below = static_cast<float>(Float16::from_bits(static_cast<uint16_t>(bits)));
    const double above = static_cast<float>(Float16::from_bits(static_cast<uint16_t>(bits + 1)));
    const double middle = (below + above) / 2;
    EXPECT_EQ(Float16(middle).bits, bits % 2 == 0 ? bits : bits + 1);
    EXPECT_EQ(Float16(std::nextafter(middle, 0.0)).bits, bits);
    EXPECT_EQ(Float16(std::nextafter(middle, 1e9)).bits, bits + 1) << "would be lost on the way through float";
    EXPECT_EQ(Float16(-middle).bits, 0x8000u | (bits % 2 == 0 ? bits : bits + 1));
  }
  EXPECT_EQ(Float16(65519.9).bits, 0x7bff);
  EXPECT_EQ(Float16(65520.0).bits, 0x7c00);
  EXPECT_EQ(Float16(1e300).bits, 0x7c00);
  EXPECT_EQ(Float16(-1e-300).bits, 0x8000);
}

}  // namespace
}  // namespace sealedge
