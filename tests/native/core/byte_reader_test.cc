#include "core/byte_reader.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace sealedge {
namespace {

TEST(ByteReader, ReadsBothOrders) {
  const std::vector<uint8_t> bytes = {1,    2,    3,    4,    5, 6, 7, 8, 9, 10, 11, 12, 13,   14,  15,
                                      0x78, 0x56, 0x34, 0x12, 8, 7, 6, 5, 4, 3,  2,  1,  0xaa, 0xbb};
  ByteReader reader(bytes);
  uint8_t u8 = 0;
  uint16_t u16 = 0;
  uint32_t u32 = 0;
  uint64_t u64 = 0;
  EXPECT_TRUE(reader.read_u8(&u8));
  EXPECT_TRUE(reader.read_u16be(&u16));
  EXPECT_TRUE(reader.read_u32be(&u32));
  EXPECT_TRUE(reader.read_u64be(&u64));
  EXPECT_EQ(u8, 1);
  EXPECT_EQ(u16, 0x0203);
  EXPECT_EQ(u32, 0x04050607u);
  EXPECT_EQ(u64, 0x08090a0b0c0d0e0full);
  EXPECT_TRUE(reader.read_u32le(&u32));
  EXPECT_TRUE(reader.read_u64le(&u64));
  EXPECT_EQ(u32, 0x12345678u);
  EXPECT_EQ(u64, 0x0102030405060708ull);
  std::span<const uint8_t> rest;
  EXPECT_TRUE(reader.read_span(1, &rest));
  EXPECT_EQ(rest[0], 0xaa);
  EXPECT_TRUE(reader.skip(1));
  EXPECT_TRUE(reader.at_end());
}

TEST(ByteReader, FailedReadsMoveNothing) {
  const std::vector<uint8_t> bytes(7, 0xff);
  ByteReader reader(bytes);
  uint64_t u64 = 42;
  std::span<const uint8_t> span;
  EXPECT_FALSE(reader.read_u64be(&u64));
  EXPECT_FALSE(reader.read_u64le(&u64));
  EXPECT_FALSE(reader.read_span(8, &span));
  EXPECT_FALSE(reader.read_span(SIZE_MAX, &span));
  EXPECT_FALSE(reader.skip(SIZE_MAX));
  EXPECT_EQ(u64, 42u);
  EXPECT_EQ(reader.position(), 0u);
  EXPECT_TRUE(reader.skip(7));
  uint8_t u8 = 9;
  EXPECT_FALSE(reader.read_u8(&u8));
  EXPECT_EQ(u8, 9);
  EXPECT_TRUE(reader.read_span(0, &span));
}

}  // namespace
}  // namespace sealedge
