// What the planner rewrites must not change results: each pattern against its parts computed by hand or unfused.
#include <gtest/gtest.h>

#include <cmath>

#include "run_model.h"

namespace sealedge {
namespace {

using testing::floats;
using testing::FloatTensor;
using testing::ModelBuilder;
using testing::node;

std::vector<float> ramp(size_t count, float step = 0.25f) {
  std::vector<float> values;
  for (size_t i = 0; i < count; ++i) values.push_back(static_cast<float>(i % 11) * step - 1.0f);
  return values;
}

// The same model with every intermediate value also an output cannot be fused: each has a second reader.
void expect_fusion_keeps_results(const ModelBuilder& builder, const std::vector<std::string>& inner,
                                 const std::map<std::string, FloatTensor>& inputs, size_t steps) {
  ModelBuilder unfused = builder;
  for (const std::string& name : inner) unfused.output(name);
  const auto want = testing::run_model(unfused, inputs);
  const auto session = Session::create_from_bytes(builder.build(), {});
  ASSERT_TRUE(session.ok()) << session.error().message;
  const auto got = testing::run_session(**session, inputs);
  ASSERT_TRUE(got.ok()) << got.error().message;
  EXPECT_EQ((*session)->report().step_count, steps);
  ASSERT_EQ((*got)[0].dims, want[0].dims);
  const std::vector<float> values = testing::floats_of((*got)[0]);
  for (size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], want[0].values[i], 1e-5) << i;
}

ModelBuilder conv_model() {
  return ModelBuilder()
      .input("x", {1, 3, 5, 5})
      .constant(floats("w", {3, 3, 3, 3}, ramp(81)))
      .constant(floats("bias", {3}, {1, -2, 0.5f}))
      .add(node("Conv", {"x", "w", "bias"}, {"c"}, {testing::ints_attribute("pads", {1, 1, 1, 1})}));
}
const std::map<std::string, FloatTensor> kImage = {{"x", {{1, 3, 5, 5}, ramp(75)}}};

ModelBuilder with_batch_norm(ModelBuilder builder) {
  return builder.constant(floats("gamma", {3}, {1, 2, -1}))
      .constant(floats("beta", {3}, {0.5f, -1, 3}))
      .constant(floats("mean", {3}, {0.1f, 2, -3}))
      .constant(floats("var", {3}, {1, 4, 0.25f}))
      .add(node("BatchNormalization", {"c", "gamma", "beta", "mean", "var"}, {"n"}));
}

TEST(FusionTest, BatchNormalizationIsAnEpilogue) {
  expect_fusion_keeps_results(with_batch_norm(conv_model()).add(node("Relu", {"n"}, {"y"})).output("y"), {"c", "n"},
                              kImage, 2);
}

TEST(FusionTest, ResidualAndActivationAreAnEpilogue) {
  const ModelBuilder model =
      with_batch_norm(conv_model()).add(node("Add", {"x", "n"}, {"a"})).add(node("Relu", {"a"}, {"y"})).output("y");
  // One conversion of the residual to channels-last, the convolution, one back for the output.
  expect_fusion_keeps_results(model, {"c", "n", "a"}, kImage, 3);
}

TEST(FusionTest, ChannelConstantsAreScaleAndShift) {
  const ModelBuilder model = conv_model()
                                 .constant(floats("s", {1, 3, 1, 1}, {2, 3, -1}))
                                 .constant(floats("t", {3, 1, 1}, {1, 0, -1}))
                                 .constant(floats("u", {}, {0.5f}))
                                 .add(node("Mul", {"c", "s"}, {"m"}))
                                 .add(node("Sub", {"m", "t"}, {"d"}))
                                 .add(node("Add", {"u", "d"}, {"y"}))
                                 .output("y");
  expect_fusion_keeps_results(model, {"c", "m", "d"}, kImage, 2);
}

TEST(FusionTest, ConstantsOfOtherShapesAreNot) {
  // Varies along the width: no epilogue.
  const ModelBuilder model =
      conv_model().constant(floats("wide", {5}, {1, 2, 3, 4, 5})).add(node("Mul", {"c", "wide"}, {"y"})).output("y");
  expect_fusion_keeps_results(model, {"c"}, kImage, 3);
}

TEST(FusionTest, TwoConvolutionsMeetInAnAdd) {
  const ModelBuilder model = conv_model()
                                 .add(node("Conv", {"x", "w"}, {"e"}, {testing::ints_attribute("pads", {1, 1, 1, 1})}))
                                 .add(node("Add", {"c", "e"}, {"a"}))
                                 .add(node("LeakyRelu", {"a"}, {"y"}))
                                 .output("y");
  expect_fusion_keeps_results(model, {"c", "e", "a"}, kImage, 3);
}

TEST(FusionTest, ResidualMadeLaterMovesTheConvolution) {
  const ModelBuilder model =
      conv_model().add(node("Exp", {"x"}, {"late"})).add(node("Add", {"c", "late"}, {"y"})).output("y");
  expect_fusion_keeps_results(model, {"c", "late"}, kImage, 4);
}

TEST(FusionTest, TransposeAfterConvolutionIsAView) {
  const ModelBuilder model =
      conv_model().add(node("Transpose", {"c"}, {"y"}, {testing::ints_attribute("perm", {0, 2, 3, 1})})).output("y");
  expect_fusion_keeps_results(model, {"c"}, kImage, 1);
}

TEST(FusionTest, TransposesCancel) {
  const ModelBuilder model = ModelBuilder()
                                 .input("x", {2, 3, 4})
                                 .add(node("Transpose", {"x"}, {"a"}, {testing::ints_attribute("perm", {1, 2, 0})}))
                                 .add(node("Transpose", {"a"}, {"b"}, {testing::ints_attribute("perm", {2, 0, 1})}))
                                 .add(node("Neg", {"b"}, {"y"}))
                                 .output("y");
  expect_fusion_keeps_results(model, {"a", "b"}, {{"x", {{2, 3, 4}, ramp(24)}}}, 1);
}

TEST(FusionTest, GemmWithAlphaBetaAndBroadcastC) {
  ModelBuilder model;
  model.input("x", {3, 2})
      .constant(floats("w", {2, 2}, {1, 2, 3, 4}))
      .constant(floats("c", {3, 1}, {1, 2, 3}))
      .add(node("Gemm", {"x", "w", "c"}, {"y"},
                {testing::float_attribute("alpha", 2), testing::float_attribute("beta", 0.5f),
                 testing::int_attribute("transA", 0), testing::int_attribute("transB", 1)}))
      .output("y");
  const auto outputs = testing::run_model(model, {{"x", {{3, 2}, {1, 0, 0, 1, 1, 1}}}});
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_EQ(outputs[0].values, (std::vector<float>{2.5f, 6.5f, 5, 9, 7.5f, 15.5f}));
}

TEST(FusionTest, ShapesAreComputedWhenPlanning) {
  const ModelBuilder model = ModelBuilder()
                                 .input("x", {-1, 2, 3})
                                 .constant(testing::int64s("zero", {}, {0}))
                                 .constant(testing::int64s("axes", {1}, {0}))
                                 .constant(testing::int64s("rest", {1}, {-1}))
                                 .add(node("Shape", {"x"}, {"s"}))
                                 .add(node("Gather", {"s", "zero"}, {"n"}))
                                 .add(node("Unsqueeze", {"n", "axes"}, {"u"}))
                                 .add(node("Concat", {"u", "rest"}, {"shape"}, {testing::int_attribute("axis", 0)}))
                                 .add(node("Reshape", {"x", "shape"}, {"r"}))
                                 .add(node("Neg", {"r"}, {"y"}))
                                 .output("y");
  const auto session = Session::create_from_bytes(model.build(), {});
  ASSERT_TRUE(session.ok()) << session.error().message;
  const auto outputs = testing::run_session(**session, {{"x", {{4, 2, 3}, ramp(24)}}});
  ASSERT_TRUE(outputs.ok()) << outputs.error().message;
  EXPECT_EQ((*outputs)[0].dims, (std::vector<int64_t>{4, 6}));
  EXPECT_EQ((*session)->report().step_count, 1u);
}

}  // namespace
}  // namespace sealedge
