// Forms of older operator sets, run end to end: each against the formula of its own version in ONNX's Changelog.md.
#include <gtest/gtest.h>

#include <cmath>

#include "run_model.h"

namespace sealedge {
namespace {

using testing::float_attribute;
using testing::floats;
using testing::FloatTensor;
using testing::int64s;
using testing::int_attribute;
using testing::ints_attribute;
using testing::ModelBuilder;
using testing::node;
using testing::Proto;
using testing::string_attribute;

ModelBuilder at_opset(int64_t opset) {
  ModelBuilder builder;
  builder.opset = opset;
  return builder;
}

void expect_output(const ModelBuilder& builder, const std::map<std::string, FloatTensor>& inputs,
                   const FloatTensor& want) {
  const std::vector<FloatTensor> got = testing::run_model(builder, inputs);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].dims, want.dims);
  ASSERT_EQ(got[0].values.size(), want.values.size());
  for (size_t i = 0; i < want.values.size(); ++i) EXPECT_NEAR(got[0].values[i], want.values[i], 1e-5) << i;
}

void expect_refused(const ModelBuilder& builder, ErrorCode code, const std::string& part) {
  const auto session = Session::create_from_bytes(builder.build(), {});
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.error().code, code) << session.error().message;
  EXPECT_NE(session.error().message.find(part), std::string::npos) << session.error().message;
}

TEST(LegacyFormsTest, Cast1NamesItsType) {
  const auto cast = [](const std::string& to) {
    return at_opset(1)
        .input("x", {3})
        .add(node("Cast", {"x"}, {"i"}, {string_attribute("to", to)}))
        .add(node("Cast", {"i"}, {"y"}, {string_attribute("to", "FLOAT")}))
        .output("y");
  };
  expect_output(cast("INT32"), {{"x", {{3}, {1.75f, -2.5f, 3}}}}, {{3}, {1, -2, 3}});
  expect_refused(cast("FLOAT8"), ErrorCode::kOpUnsupported, "FLOAT8");
}

TEST(LegacyFormsTest, Pad1CallsThemPaddings) {
  expect_output(
      at_opset(1)
          .input("x", {1, 2})
          .add(node("Pad", {"x"}, {"y"}, {ints_attribute("paddings", {0, 1, 1, 0}), float_attribute("value", 7)}))
          .output("y"),
      {{"x", {{1, 2}, {1, 2}}}}, {{2, 3}, {7, 1, 2, 7, 7, 7}});
}

TEST(LegacyFormsTest, Tile1RepeatsOneAxis) {
  const auto tile = [](float tiles, float axis) {
    return at_opset(1)
        .input("x", {2, 2})
        .constant(floats("tiles", {}, {tiles}))
        .constant(floats("axis", {1}, {axis}))
        .add(node("Tile", {"x", "tiles", "axis"}, {"y"}))
        .output("y");
  };
  const std::map<std::string, FloatTensor> input = {{"x", {{2, 2}, {1, 2, 3, 4}}}};
  expect_output(tile(2, 1), input, {{2, 4}, {1, 2, 1, 2, 3, 4, 3, 4}});
  expect_output(tile(3, 0), input, {{6, 2}, {1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4}});
  expect_output(tile(1, 0), input, {{2, 2}, {1, 2, 3, 4}});
  expect_refused(tile(0, 0), ErrorCode::kModelInvalid, "out of range");
  expect_refused(tile(1e9f, 0), ErrorCode::kModelInvalid, "out of range");
  expect_refused(tile(2, -1), ErrorCode::kModelInvalid, "out of range");
  expect_refused(tile(NAN, 0), ErrorCode::kModelInvalid, "out of range");
}

TEST(LegacyFormsTest, PRelu6CountsChannels) {
  const auto prelu = [](int64_t opset, const std::vector<int64_t>& slope) {
    return at_opset(opset)
        .input("x", {1, 2, 2})
        .constant(floats("slope", slope, {10, 100}))
        .add(node("PRelu", {"x", "slope"}, {"y"}))
        .output("y");
  };
  const std::map<std::string, FloatTensor> input = {{"x", {{1, 2, 2}, {-1, 2, -3, -4}}}};
  expect_output(prelu(6, {2}), input, {{1, 2, 2}, {-10, 2, -300, -400}});
  expect_output(prelu(6, {2, 1}), input, {{1, 2, 2}, {-10, 2, -300, -400}});
  expect_output(prelu(7, {2}), input, {{1, 2, 2}, {-10, 2, -30, -400}});
  expect_output(at_opset(6)
                    .input("x", {3})
                    .constant(floats("slope", {1}, {2}))
                    .add(node("PRelu", {"x", "slope"}, {"y"}))
                    .output("y"),
                {{"x", {{3}, {-1, 1, -2}}}}, {{3}, {-2, 1, -4}});
}

TEST(LegacyFormsTest, Split1TakesSizesAsInputOrAttribute) {
  const std::map<std::string, FloatTensor> input = {{"x", {{3}, {1, 2, 3}}}};
  const auto split = [](const std::vector<std::string>& inputs, const std::vector<Proto>& attributes) {
    return at_opset(1)
        .input("x", {3})
        .constant(int64s("sizes", {2}, {1, 2}))
        .add(node("Split", inputs, {"a", "y"}, attributes))
        .output("y");
  };
  expect_output(split({"x", "sizes"}, {}), input, {{2}, {2, 3}});
  expect_output(split({"x"}, {ints_attribute("split", {2, 1})}), input, {{1}, {3}});
}

// Two elements per sample, each with parameters of its own.
TEST(LegacyFormsTest, BatchNormalization7PerElement) {
  const auto model = at_opset(7)
                         .input("x", {2, 2})
                         .constant(floats("scale", {2}, {2, 3}))
                         .constant(floats("bias", {2}, {0.5f, -1}))
                         .constant(floats("mean", {2}, {1, 2}))
                         .constant(floats("var", {2}, {4, 0.25f}))
                         .add(node("BatchNormalization", {"x", "scale", "bias", "mean", "var"}, {"y"},
                                   {int_attribute("spatial", 0), float_attribute("epsilon", 0)}))
                         .output("y");
  expect_output(model, {{"x", {{2, 2}, {1, 2, 5, 3}}}}, {{2, 2}, {0.5f, -1, 4.5f, 5}});
}

TEST(LegacyFormsTest, BatchNormalization14Trains) {
  auto model = ModelBuilder()
                   .input("x", {2, 1, 2})
                   .constant(floats("scale", {1}, {2}))
                   .constant(floats("bias", {1}, {1}))
                   .constant(floats("mean", {1}, {10}))
                   .constant(floats("var", {1}, {20}))
                   .add(node("BatchNormalization", {"x", "scale", "bias", "mean", "var"}, {"y", "m", "v"},
                             {int_attribute("training_mode", 1), float_attribute("momentum", 0.75f),
                              float_attribute("epsilon", 0)}))
                   .output("y")
                   .output("m")
                   .output("v");
  const auto got = testing::run_model(model, {{"x", {{2, 1, 2}, {1, 3, 5, 7}}}});
  ASSERT_EQ(got.size(), 3u);
  // mean 4, variance (9 + 1 + 1 + 9) / 4 = 5
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(got[0].values[i], (1 + 2 * static_cast<double>(i) - 4) / std::sqrt(5.0) * 2 + 1, 1e-5);
  }
  EXPECT_FLOAT_EQ(got[1].values[0], 10 * 0.75f + 4 * 0.25f);
  EXPECT_FLOAT_EQ(got[2].values[0], 20 * 0.75f + 5 * 0.25f);
}

TEST(LegacyFormsTest, DropoutKeepsEverything) {
  const std::map<std::string, FloatTensor> input = {{"x", {{3}, {1, -2, 3}}}};
  for (int64_t opset : {1, 6, 7, 9}) {
    const auto got = testing::run_model(
        at_opset(opset).input("x", {3}).add(node("Dropout", {"x"}, {"y", "m"})).output("y").output("m"), input);
    ASSERT_EQ(got.size(), 2u) << opset;
    EXPECT_EQ(got[0].values, (std::vector<float>{1, -2, 3}));
    EXPECT_EQ(got[1].values, (std::vector<float>{1, 1, 1})) << "the mask has the data's type before opset 10";
  }
  expect_output(at_opset(6).input("x", {3}).add(node("Dropout", {"x"}, {"y"})).output("y"), input, {{3}, {1, -2, 3}});
}

// The mask is bool from opset 10 on; training decides with the ratio.
TEST(LegacyFormsTest, Dropout13RefusesOnlyWhatIsRandom) {
  const auto dropout = [](float ratio, uint8_t training) {
    return ModelBuilder()
        .input("x", {2})
        .constant(floats("ratio", {}, {ratio}))
        .constant(testing::tensor("training", 9, {}, std::string(1, static_cast<char>(training))))
        .add(node("Dropout", {"x", "ratio", "training"}, {"y", "m"}))
        .output("y")
        .output("m", 9);
  };
  for (auto [ratio, training] : {std::pair{0.5f, uint8_t{0}}, std::pair{0.0f, uint8_t{1}}}) {
    const auto session = Session::create_from_bytes(dropout(ratio, training).build(), {});
    ASSERT_TRUE(session.ok()) << session.error().message;
    const auto outputs = testing::run_session(**session, {{"x", {{2}, {4, 5}}}});
    ASSERT_TRUE(outputs.ok()) << outputs.error().message;
    EXPECT_EQ(testing::floats_of((*outputs)[0]), (std::vector<float>{4, 5}));
    EXPECT_EQ((*outputs)[1].type, DataType::kBool);
    ASSERT_EQ((*outputs)[1].size_bytes, 2u);
    EXPECT_EQ((*outputs)[1].data.get()[1], 1);
  }
  const auto session = Session::create_from_bytes(dropout(0.5f, 1).build(), {});
  if (session.ok()) {
    const auto outputs = testing::run_session(**session, {{"x", {{2}, {4, 5}}}});
    ASSERT_FALSE(outputs.ok());
    EXPECT_EQ(outputs.error().code, ErrorCode::kOpUnsupported);
  } else {
    EXPECT_EQ(session.error().code, ErrorCode::kOpUnsupported);
  }
}

// alpha, beta, old bounds and Mean's divisor have the tensors' type, whatever it is.
TEST(LegacyFormsTest, FloatAttributesTakeTheTypeOfTheTensors) {
  expect_output(at_opset(6)
                    .input("x", {3})
                    .add(node("Clip", {"x"}, {"y"}, {float_attribute("min", -1), float_attribute("max", 2)}))
                    .output("y"),
                {{"x", {{3}, {-5, 1, 5}}}}, {{3}, {-1, 1, 2}});
  expect_output(
      at_opset(6)
          .input("a", {1, 2})
          .input("b", {2, 1})
          .input("c", {1})
          .add(node("Gemm", {"a", "b", "c"}, {"y"},
                    {float_attribute("alpha", 0.5f), float_attribute("beta", 2), int_attribute("broadcast", 1)}))
          .output("y"),
      {{"a", {{1, 2}, {1, 2}}}, {"b", {{2, 1}, {3, 4}}}, {"c", {{1}, {10}}}}, {{1, 1}, {25.5f}});
}

TEST(LegacyFormsTest, ExperimentalOperators) {
  const auto one = [](const std::string& op_type, const std::vector<Proto>& attributes) {
    return at_opset(1).input("x", {1, 2, 2, 2}).add(node(op_type, {"x"}, {"y"}, attributes)).output("y");
  };
  const std::vector<float> x = {1, -2, 3, -4, 5, 6, 7, 8};
  const std::map<std::string, FloatTensor> input = {{"x", {{1, 2, 2, 2}, x}}};
  const auto expect_each = [&](const std::string& op_type, const std::vector<Proto>& attributes, auto formula) {
    FloatTensor want = {{1, 2, 2, 2}, {}};
    for (size_t i = 0; i < x.size(); ++i) want.values.push_back(formula(x[i], i / 4));
    expect_output(one(op_type, attributes), input, want);
  };
  const std::vector<Proto> alpha_beta = {float_attribute("alpha", 2), float_attribute("beta", 0.5f)};
  expect_each("Affine", alpha_beta, [](float v, size_t) { return 2 * v + 0.5f; });
  expect_each("Affine", {}, [](float v, size_t) { return v; });
  expect_each("Scale", {float_attribute("scale", -3)}, [](float v, size_t) { return -3 * v; });
  expect_each("ScaledTanh", alpha_beta, [](float v, size_t) { return 2 * std::tanh(0.5f * v); });
  expect_each("ParametricSoftplus", alpha_beta, [](float v, size_t) { return 2 * std::log1p(std::exp(0.5f * v)); });
  expect_each("ImageScaler", {float_attribute("scale", 2), testing::floats_attribute("bias", {10, 20})},
              [](float v, size_t c) { return 2 * v + 10 * static_cast<float>(c + 1); });
  expect_output(one("Crop", {ints_attribute("border", {1, 0, 0, 1})}), input, {{1, 2, 1, 1}, {-2, 6}});
  expect_output(one("Crop", {ints_attribute("border", {0, 1, 0, 0}), ints_attribute("scale", {1, 2})}), input,
                {{1, 2, 1, 2}, {3, -4, 7, 8}});
  expect_refused(one("Crop", {ints_attribute("border", {0, 1})}), ErrorCode::kModelInvalid, "4 borders");
  expect_refused(one("Crop", {ints_attribute("border", {0, -1, 0, 0})}), ErrorCode::kModelInvalid, "out of range");
  expect_refused(one("ScaledTanh", {}), ErrorCode::kModelInvalid, "missing");
}

TEST(LegacyFormsTest, BroadcastStartsAtItsAxis) {
  expect_output(at_opset(6)
                    .input("x", {1, 2, 2})
                    .constant(floats("b", {2}, {10, 20}))
                    .add(node("Add", {"x", "b"}, {"y"}, {int_attribute("broadcast", 1), int_attribute("axis", 1)}))
                    .output("y"),
                {{"x", {{1, 2, 2}, {1, 2, 3, 4}}}}, {{1, 2, 2}, {11, 12, 23, 24}});
}

}  // namespace
}  // namespace sealedge
