#include "memory/wipe.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

namespace sealedge {
namespace {

TEST(Wipe, ZeroesExactlyItsRange) {
  uint8_t bytes[32];
  std::memset(bytes, 0x11, sizeof(bytes));
  wipe(bytes + 5, 20);
  for (size_t i = 0; i < sizeof(bytes); ++i) EXPECT_EQ(bytes[i], i >= 5 && i < 25 ? 0 : 0x11);
  wipe(nullptr, 0);
}

}  // namespace
}  // namespace sealedge
