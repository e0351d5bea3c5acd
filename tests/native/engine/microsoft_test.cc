// Operators of com.microsoft: what their importer must refuse although what it makes of them would run.
#include <gtest/gtest.h>

#include "run_any.h"

namespace sealedge {
namespace {

using namespace testing;

AnyTensor i32(std::vector<int64_t> dims, const std::vector<int32_t>& values) {
  return {DataType::kInt32, std::move(dims), raw(values)};
}

// A sentence longer than the table of positions, also where that has but one row to repeat.
TEST(MicrosoftTest, SentencesFitTheirPositions) {
  const auto embed = [](int64_t positions) {
    ModelBuilder builder;
    builder.domains = {"com.microsoft"};
    builder.input("ids", {1, -1}, 6).output("y");
    const auto table = [](int64_t rows) { return std::vector<float>(static_cast<size_t>(4 * rows), 0.5f); };
    builder.constant(floats("words", {3, 4}, {1, 2, 3, 4, 2, 3, 4, 1, 4, 3, 2, 1}));
    builder.constant(floats("positions", {positions, 4}, table(positions)));
    builder.constant(floats("gamma", {4}, table(1))).constant(floats("beta", {4}, table(1)));
    return load(builder.add(node("EmbedLayerNormalization", {"ids", "", "words", "positions", "", "gamma", "beta"},
                                 {"y"}, {}, "com.microsoft")));
  };
  const auto fits = run_any(*embed(3), {{"ids", i32({1, 3}, {0, 1, 2})}});
  ASSERT_TRUE(fits.ok()) << fits.error().message;
  EXPECT_EQ((*fits)[0].dims, (std::vector<int64_t>{1, 3, 4}));
  for (const int64_t rows : {1, 2}) {
    const auto too_long = run_any(*embed(rows), {{"ids", i32({1, 3}, {0, 1, 2})}});
    ASSERT_FALSE(too_long.ok()) << rows;
    EXPECT_EQ(too_long.error().code, ErrorCode::kShapeMismatch) << too_long.error().message;
  }
}

void expect_refused(const Proto& made, ErrorCode code, const char* part) {
  ModelBuilder builder;
  builder.domains = {"com.microsoft"};
  for (const char* name : {"x", "w", "b"})
    builder.inputs.push_back(Proto().bytes(1, name).message(2, Proto().message(1, Proto().varint(1, 1))));
  const auto session = Session::create_from_bytes(builder.output("y").add(made).build(), {});
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.error().code, code) << session.error().message;
  EXPECT_NE(session.error().message.find(part), std::string::npos) << session.error().message;
}

TEST(MicrosoftTest, Refusals) {
  const auto attention = [](const std::vector<Proto>& attributes) {
    return node("Attention", {"x", "w", "b"}, {"y"}, attributes, "com.microsoft");
  };
  expect_refused(attention({}), ErrorCode::kModelInvalid, "num_heads");
  expect_refused(attention({int_attribute("num_heads", -1)}), ErrorCode::kModelInvalid, "num_heads");
  expect_refused(attention({int_attribute("num_heads", 1), ints_attribute("qkv_hidden_sizes", {4, 4})}),
                 ErrorCode::kModelInvalid, "qkv_hidden_sizes");
  expect_refused(attention({int_attribute("num_heads", 1), int_attribute("do_rotary", 1)}), ErrorCode::kOpUnsupported,
                 "do_rotary");
  const auto of = [](const char* op_type, const std::vector<std::string>& inputs,
                     const std::vector<Proto>& attributes) {
    return node(op_type, inputs, {"y"}, attributes, "com.microsoft");
  };
  for (const std::vector<std::string>& inputs : {std::vector<std::string>{"x", "w", "b", "b", "", "b", "b"},
                                                 std::vector<std::string>{"x", "", "b", "b", "w", "b", "b"}}) {
    expect_refused(of("EmbedLayerNormalization", inputs, {}), ErrorCode::kModelInvalid, "come together");
  }
  for (const std::vector<std::string>& inputs :
       {std::vector<std::string>{"x", "b", "x"}, std::vector<std::string>{"x", "b", "x", "x", "b", "x"}}) {
    expect_refused(of("QLinearConcat", inputs, {int_attribute("axis", 0)}), ErrorCode::kModelInvalid, "three inputs");
  }
  const std::vector<std::string> product = {"x", "b", "b", "w", "b", "b", "", "b"};
  expect_refused(of("QGemm", product, {float_attribute("alpha", 2)}), ErrorCode::kOpUnsupported, "alpha");
  expect_refused(of("QGemm", product, {int_attribute("transA", 1)}), ErrorCode::kOpUnsupported, "transA");
  expect_refused(of("QLinearConv", {"x", "b", "b", "w", "b", "b", "b", "b"}, {int_attribute("channels_last", 1)}),
                 ErrorCode::kModelInvalid, "kernel_shape");
  expect_refused(of("NhwcMaxPool", {"x"}, {}), ErrorCode::kModelInvalid, "kernel_shape");
  expect_refused(
      of("DynamicQuantizeLSTM", {"x", "w", "w", "", "", "", "", "", "b", "", "b"}, {int_attribute("hidden_size", 1)}),
      ErrorCode::kOpUnsupported, "scales");
  // Scales for each direction or each of its columns, and no others.
  for (const std::vector<int64_t>& dims : {std::vector<int64_t>{}, {1, 1, 1}, {1, 1, 1, 1}}) {
    ModelBuilder builder;
    builder.domains = {"com.microsoft"};
    builder.input("x", {1, 1, 1}).constant(floats("w", {1, 1, 4}, {1, 2, 3, 4})).constant(floats("scale", dims, {1}));
    builder.add(of("DynamicQuantizeLSTM", {"x", "w", "w", "", "", "", "", "", "scale", "", "scale"},
                   {int_attribute("hidden_size", 1)}));
    const auto session = Session::create_from_bytes(builder.output("y").build(), {});
    ASSERT_FALSE(session.ok());
    EXPECT_EQ(session.error().code, ErrorCode::kOpUnsupported) << session.error().message;
  }
}

}  // namespace
}  // namespace sealedge
