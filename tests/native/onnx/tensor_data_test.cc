#include "onnx/tensor_data.h"

#include <gtest/gtest.h>

#include "../support/onnx_builder.h"

namespace sealedge {
namespace {

using testing::Proto;

// Decodes a tensor message; empty when it is refused.
std::vector<uint8_t> decode(const Proto& proto) {
  const std::vector<uint8_t> bytes = proto.data();
  const auto tensor = parse_tensor(bytes);
  if (!tensor.ok()) return {};
  const auto fact = tensor_fact(*tensor);
  if (!fact.ok()) return {};
  std::vector<uint8_t> out(*checked_size_bytes(*fact));
  return decode_tensor(*tensor, out).ok() ? out : std::vector<uint8_t>{};
}

Proto typed(int type, int64_t count) {
  return Proto().varint(1, static_cast<uint64_t>(count)).varint(2, static_cast<uint64_t>(type));
}

TEST(TensorDataTest, TypedFieldsEqualRawData) {
  const std::vector<float> numbers = {1.5f, -2};
  const std::vector<uint8_t> expected = decode(testing::floats("t", {2}, numbers));
  ASSERT_EQ(expected.size(), 8u);
  EXPECT_EQ(decode(typed(1, 2).fixed32(4, 1.5f).fixed32(4, -2)), expected);
  EXPECT_EQ(decode(typed(1, 2).bytes(4, testing::raw(numbers))), expected);
  EXPECT_EQ(decode(typed(1, 2).bytes(4, testing::raw(std::vector<float>{1.5f})).fixed32(4, -2)), expected);

  using Bytes = std::vector<uint8_t>;
  EXPECT_EQ(decode(typed(3, 2).varint(5, UINT64_MAX).varint(5, 2)), (Bytes{0xff, 2})) << "int8 in int32_data";
  EXPECT_EQ(decode(typed(9, 2).varint(5, 1).varint(5, 0)), (Bytes{1, 0})) << "bool";
  EXPECT_EQ(decode(typed(10, 1).varint(5, 0x3c00)), (Bytes{0x00, 0x3c})) << "float16 as bits";
  EXPECT_EQ(decode(typed(7, 1).varint(7, UINT64_MAX)), Bytes(8, 0xff)) << "int64";
  EXPECT_EQ(decode(typed(12, 1).varint(11, 5)), (Bytes{5, 0, 0, 0})) << "uint32";
}

// onnx.proto: the first of the elements in a byte is in its low bits.
TEST(TensorDataTest, ElementsThatShareBytes) {
  using Bytes = std::vector<uint8_t>;
  constexpr int kUint4 = 21, kInt4 = 22, kUint2 = 25, kInt2 = 26;
  EXPECT_EQ(decode(testing::tensor("t", kUint4, {3}, "\xf1\x0c")), (Bytes{1, 15, 12}));
  EXPECT_EQ(decode(testing::tensor("t", kInt4, {2, 2}, "\xf1\x8c")), (Bytes{1, 0xff, 0xfc, 0xf8}));
  EXPECT_EQ(decode(typed(kInt4, 3).varint(5, 0xf1).varint(5, 0x07)), (Bytes{1, 0xff, 7})) << "bytes in int32_data";
  EXPECT_EQ(decode(testing::tensor("t", kUint2, {5}, "\xe4\x02")), (Bytes{0, 1, 2, 3, 2}));
  EXPECT_EQ(decode(testing::tensor("t", kInt2, {6}, "\xe4\x07")), (Bytes{0, 1, 0xfe, 0xff, 0xff, 1}));
  EXPECT_TRUE(decode(testing::tensor("t", kInt4, {3}, "\xf1")).empty());
  EXPECT_TRUE(decode(testing::tensor("t", kInt4, {3}, "abc")).empty());
  // Every length: the bytes are unpacked where they were read.
  for (const auto& [type, in_byte] : {std::pair(kUint4, size_t{2}), std::pair(kUint2, size_t{4})}) {
    for (size_t count = 1; count < 40; ++count) {
      const size_t bits = 8 / in_byte;
      std::string packed((count + in_byte - 1) / in_byte, '\0');
      Bytes want;
      for (size_t i = 0; i < count; ++i) {
        want.push_back(static_cast<uint8_t>(i * 7 % (size_t{1} << bits)));
        packed[i / in_byte] = static_cast<char>(packed[i / in_byte] | (want[i] << (i % in_byte * bits)));
      }
      EXPECT_EQ(decode(testing::tensor("t", type, {static_cast<int64_t>(count)}, packed)), want) << count;
    }
  }
}

TEST(TensorDataTest, RefusesTooLittleAndTooMuch) {
  for (const std::string& data : {std::string(7, 'x'), std::string(9, 'x'), std::string()}) {
    EXPECT_TRUE(decode(testing::tensor("t", 1, {2}, data)).empty());
    EXPECT_TRUE(decode(typed(1, 2).bytes(4, data)).empty());
  }
  EXPECT_TRUE(decode(typed(7, 2).varint(7, 1)).empty());
  EXPECT_TRUE(decode(typed(7, 1).varint(7, 1).varint(7, 2)).empty());
  EXPECT_TRUE(decode(typed(7, 1).bytes(7, "\x80")).empty()) << "cut varint";
  EXPECT_TRUE(decode(typed(1, 1).varint(4, 1)).empty()) << "wrong wire type";
  EXPECT_TRUE(decode(typed(8, 1)).empty()) << "strings";
  EXPECT_TRUE(decode(typed(99, 1)).empty());
  Proto deep;
  for (int i = 0; i < 17; ++i) deep.varint(1, 1);
  EXPECT_FALSE(parse_tensor(deep.data()).ok()) << "rank";
}

}  // namespace
}  // namespace sealedge
