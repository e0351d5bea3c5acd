#include "onnx/wire.h"

#include <gtest/gtest.h>

#include <random>

#include "../support/onnx_builder.h"

namespace sealedge {
namespace {

using Bytes = std::vector<uint8_t>;

TEST(WireTest, ReadsEveryWireType) {
  Bytes message = testing::Proto().varint(1, UINT64_MAX).fixed32(2, 1.5f).bytes(3, "abc").data();
  message.insert(message.end(), {0x21, 1, 2, 3, 4, 5, 6, 7, 8});  // field 4, fixed64
  WireReader reader(message);
  WireField field;
  ASSERT_TRUE(reader.next(&field));
  EXPECT_EQ(field.number, 1u);
  EXPECT_EQ(field.as_int64(), -1);
  EXPECT_EQ(field.as_int32(), -1);
  ASSERT_TRUE(reader.next(&field));
  EXPECT_EQ(field.as_float(), 1.5f);
  ASSERT_TRUE(reader.next(&field));
  EXPECT_EQ(field.as_string(), "abc");
  ASSERT_TRUE(reader.next(&field));
  EXPECT_EQ(field.scalar, 0x0807060504030201u);
  EXPECT_FALSE(reader.next(&field));
  EXPECT_TRUE(reader.ok());
}

TEST(WireTest, RefusesWhatProtobufRefuses) {
  const Bytes cases[] = {
      {0x00, 0x00},                                                              // field number 0
      {0x0b},                                                                    // group
      {0x0e, 0x00},                                                              // wire type 6
      {0x08},                                                                    // varint missing
      {0x08, 0x80},                                                              // varint cut
      {0x0a, 0x05, 'a'},                                                         // length past the end
      {0x0d, 1, 2, 3},                                                           // fixed32 cut
      {0x09, 1, 2, 3, 4, 5, 6},                                                  // fixed64 cut
      {0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02},        // beyond 64 bits
      {0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00},  // eleven bytes
      {0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},        // length 2^64 - 1
      {0x80, 0x80, 0x80, 0x80, 0x10, 0x00},                                      // field number 2^29
  };
  for (const Bytes& bytes : cases) {
    WireReader reader(bytes);
    WireField field;
    EXPECT_FALSE(reader.next(&field));
    EXPECT_FALSE(reader.ok());
    EXPECT_FALSE(reader.next(&field)) << "stays failed";
  }
}

TEST(WireTest, VarintsRoundTrip) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 2000; ++i) {
    const uint64_t value = random() >> (random() % 64);
    const Bytes bytes = testing::Proto().varint(1, value).data();
    size_t position = 1;
    uint64_t read = 0;
    ASSERT_TRUE(read_varint(bytes, &position, &read));
    EXPECT_EQ(read, value);
    EXPECT_EQ(position, bytes.size());
    for (size_t cut = 1; cut < bytes.size(); ++cut) {
      position = 1;
      EXPECT_FALSE(read_varint(std::span(bytes).first(cut), &position, &read));
      EXPECT_EQ(position, 1u);
    }
  }
}

// Whatever the bytes: fields follow one another without gaps, and never reach past the end.
TEST(WireTest, RandomBytesStayInBounds) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 20000; ++i) {
    Bytes bytes(random() % 40);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    WireReader reader(bytes);
    size_t last = 0;
    for (WireField field; reader.next(&field);) {
      ASSERT_GT(reader.position(), last);
      ASSERT_LE(reader.position(), bytes.size());
      if (!field.bytes.empty()) {
        ASSERT_GE(field.bytes.data(), bytes.data());
        ASSERT_LE(field.bytes.data() + field.bytes.size(), bytes.data() + bytes.size());
      }
      last = reader.position();
    }
    EXPECT_EQ(reader.ok(), reader.position() == bytes.size());
  }
}

TEST(WireTest, RepeatedScalarsArePackedOrNot) {
  std::vector<int64_t> values;
  WireField field;
  const Bytes packed = testing::Proto().bytes(8, std::string("\x01\xac\x02", 3)).data();
  const Bytes single = testing::Proto().varint(8, 7).data();
  for (const Bytes& bytes : {packed, single}) {
    WireReader reader(bytes);
    ASSERT_TRUE(reader.next(&field));
    EXPECT_TRUE(append_varints(field, &values));
  }
  EXPECT_EQ(values, (std::vector<int64_t>{1, 300, 7}));

  const Bytes cut = testing::Proto().bytes(8, "\x80").data();
  const Bytes odd = testing::Proto().bytes(7, "abcde").data();
  size_t numbers = 0;
  WireReader cut_reader(cut);
  ASSERT_TRUE(cut_reader.next(&field));
  EXPECT_FALSE(append_varints(field, &values));
  WireReader odd_reader(odd);
  ASSERT_TRUE(odd_reader.next(&field));
  EXPECT_FALSE(count_floats(field, &numbers));
}

}  // namespace
}  // namespace sealedge
