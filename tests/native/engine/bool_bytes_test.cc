// A bool of a caller is a byte, and any byte may come: what is not 0 is true, in every operator that reads one. (As a
// C++ bool such a byte would be undefined behaviour: run under UBSan by the preset asan.)
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "../support/onnx_builder.h"
#include "engine/session.h"

namespace sealedge {
namespace {

using testing::floats;
using testing::int_attribute;
using testing::ModelBuilder;
using testing::node;

const std::vector<uint8_t> kBytes = {0, 1, 2, 0x80, 0xff, 0, 3, 1};

std::vector<uint8_t> run(ModelBuilder builder, int output_type) {
  builder.input("b", {static_cast<int64_t>(kBytes.size())}, 9).output("y", output_type);
  const auto session = Session::create_from_bytes(builder.build(), {});
  EXPECT_TRUE(session.ok()) << session.error().message;
  if (!session.ok()) return {};
  const std::vector<int64_t> dims = {static_cast<int64_t>(kBytes.size())};
  const RunInput input{"b", DataType::kBool, dims, kBytes};
  RunOutput output;
  const auto result = (*session)->run({&input, 1}, {&output, 1});
  EXPECT_TRUE(result.ok()) << result.error().message;
  if (!result.ok()) return {};
  return {output.data.get(), output.data.get() + output.size_bytes};
}

template <typename T>
std::vector<uint8_t> bytes_of(T if_false, T if_true) {
  std::vector<uint8_t> bytes;
  for (const uint8_t byte : kBytes) {
    const T value = byte == 0 ? if_false : if_true;
    const auto* begin = reinterpret_cast<const uint8_t*>(&value);
    bytes.insert(bytes.end(), begin, begin + sizeof value);
  }
  return bytes;
}

TEST(BoolBytesTest, WhatIsNotZeroIsTrue) {
  EXPECT_EQ(run(ModelBuilder()
                    .constant(floats("t", {1}, {2.5f}))
                    .constant(floats("f", {1}, {-1}))
                    .add(node("Where", {"b", "t", "f"}, {"y"})),
                1),
            bytes_of(-1.0f, 2.5f));
  EXPECT_EQ(run(ModelBuilder().add(node("Not", {"b"}, {"y"})), 9), bytes_of<uint8_t>(1, 0));
  for (const char* op_type : {"And", "Or"}) {
    EXPECT_EQ(run(ModelBuilder().add(node(op_type, {"b", "b"}, {"y"})), 9), bytes_of<uint8_t>(0, 1)) << op_type;
  }
  EXPECT_EQ(run(ModelBuilder().add(node("Xor", {"b", "b"}, {"y"})), 9), bytes_of<uint8_t>(0, 0));
}

TEST(BoolBytesTest, CastsToOneOrZero) {
  const auto cast = [](int to) { return ModelBuilder().add(node("Cast", {"b"}, {"y"}, {int_attribute("to", to)})); };
  EXPECT_EQ(run(cast(1), 1), bytes_of(0.0f, 1.0f));
  EXPECT_EQ(run(cast(2), 2), bytes_of<uint8_t>(0, 1));
  EXPECT_EQ(run(cast(6), 6), bytes_of<int32_t>(0, 1));
  EXPECT_EQ(run(cast(7), 7), bytes_of<int64_t>(0, 1));
  EXPECT_EQ(run(cast(11), 11), bytes_of(0.0, 1.0));
  // There and back: a bool that this engine makes is 0 or 1.
  EXPECT_EQ(run(ModelBuilder()
                    .add(node("Cast", {"b"}, {"u"}, {int_attribute("to", 2)}))
                    .add(node("Cast", {"u"}, {"y"}, {int_attribute("to", 9)})),
                9),
            bytes_of<uint8_t>(0, 1));
}

}  // namespace
}  // namespace sealedge
