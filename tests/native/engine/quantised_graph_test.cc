// What becomes of DequantizeLinear and QuantizeLinear in a graph: weights, tables, products; and what must not be
// rewritten is not.
#include <gtest/gtest.h>

#include "quantised_models.h"

namespace sealedge {
namespace {

using namespace testing;

TEST(QuantisedGraphTest, QuantisingWhatWasJustDequantisedIsNothing) {
  ModelBuilder model = with_input();
  model.add(node("QuantizeLinear", {"f", "s", "z"}, {"q2"}))
      .add(node("DequantizeLinear", {"q2", "s", "z"}, {"y"}))
      .output("y");
  EXPECT_EQ(steps_of(model, image()), 2u);  // quantise, dequantise
}

// Nothing is left of the graph: its outputs are its input.
TEST(QuantisedGraphTest, AnOutputMayBeTheInput) {
  ModelBuilder model;
  model.input("x", {4}, kInt8)
      .constant(floats("s", {}, {0.05f}))
      .constant(tensor("z", kInt8, {}, std::string(1, 3)))
      .add(node("DequantizeLinear", {"x", "s", "z"}, {"f"}))
      .add(node("QuantizeLinear", {"f", "s", "z"}, {"y"}))
      .add(node("QuantizeLinear", {"f", "s", "z"}, {"y2"}))
      .output("y", kInt8)
      .output("y2", kInt8);
  const auto session = Session::create_from_bytes(model.build(), {});
  ASSERT_TRUE(session.ok()) << session.error().message;
  const std::vector<uint8_t> x = {0x80, 0xff, 0x00, 0x7f};
  const std::vector<int64_t> dims = {4};
  const std::vector<RunInput> inputs = {{"x", DataType::kInt8, dims, x}};
  std::vector<RunOutput> outputs(2);
  outputs[1].index = 1;
  const auto result = (*session)->run(inputs, outputs);
  ASSERT_TRUE(result.ok()) << result.error().message;
  for (const RunOutput& output : outputs) {
    ASSERT_EQ(output.size_bytes, x.size());
    EXPECT_EQ(std::memcmp(output.data.get(), x.data(), x.size()), 0);
  }
}

// Weights alone are quantised, some from float numbers in the graph itself: packed when planning, in either type.
TEST(QuantisedGraphTest, WeightsThatPlanningComputesArePackedOnce) {
  std::vector<float> w;
  for (int i = 0; i < 6 * 2 * 9; i++) w.push_back(static_cast<float>(i % 17) * 0.1f - 0.8f);
  // 200 times 6 rows of 18: more than is folded at import.
  std::vector<float> repeated;
  for (int i = 0; i < 200; i++) repeated.insert(repeated.end(), w.begin(), w.end());
  for (const bool quantised_input : {false, true}) {
    ModelBuilder model = with_input();
    model.constant(floats("w", {1200, 2, 3, 3}, repeated))
        .constant(floats("ws", {}, {0.1f}))
        .constant(tensor("wz", kInt8, {}, std::string(1, 0)))
        .add(node("QuantizeLinear", {"w", "ws", "wz"}, {"wq"}))
        .add(node("DequantizeLinear", {"wq", "ws", "wz"}, {"wf"}))
        .add(node("Conv", {quantised_input ? "f" : "x", "wf"}, {"y"}))
        .output("y");
    const FloatTensor x = image();
    const auto got = run_model(model, {{"x", x}});
    ASSERT_EQ(got.size(), 1u);
    const Quant q = {true, 0.05f, 3}, wq = {true, 0.1f, 0};
    for (size_t o = 0; o < 1200; o++) {
      for (size_t at = 0; at < 4; at++) {
        double sum = 0;
        for (size_t c = 0; c < 2; c++) {
          for (size_t k = 0; k < 9; k++) {
            const float v = x.values[c * 16 + (at / 2 + k / 3) * 4 + at % 2 + k % 3];
            const float weight = dequantise(quantise(w[(o % 6) * 18 + c * 9 + k], wq), wq);
            sum += double{quantised_input ? dequantise(quantise(v, q), q) : v} * double{weight};
          }
        }
        EXPECT_NEAR(got[0].values[o * 4 + at], sum, 1e-5) << o;
      }
    }
  }
}

// Quantised scalars are numbers: what is done with them is part of a table.
TEST(QuantisedGraphTest, QuantisedScalarsArePartOfTables) {
  ModelBuilder model = with_input();
  model.constant(tensor("n", kInt8, {}, std::string(1, 40)))
      .add(node("DequantizeLinear", {"n", "s", "z"}, {"half"}))
      .add(node("Div", {"f", "half"}, {"d"}))
      .add(node("QuantizeLinear", {"d", "s", "z"}, {"q2"}))
      .add(node("DequantizeLinear", {"q2", "s", "z"}, {"y"}))
      .output("y");
  EXPECT_EQ(steps_of(model, image()), 3u);  // quantise, table, dequantise
  const FloatTensor x = image();
  const auto got = run_model(model, {{"x", x}});
  ASSERT_EQ(got.size(), 1u);
  const Quant q = {true, 0.05f, 3};
  for (size_t i = 0; i < x.values.size(); i++) {
    const float v = dequantise(quantise(x.values[i], q), q) / dequantise(40, q);
    EXPECT_EQ(got[0].values[i], dequantise(quantise(v, q), q)) << i;
  }
}

// A number may have dimensions, of which there may be more than the tensor's.
TEST(QuantisedGraphTest, NumbersInTablesMayHaveMoreDimensions) {
  ModelBuilder model = with_input();
  model.constant(floats("two", {1, 1, 1, 1, 1}, {2}))
      .constant(floats("one", {1, 1}, {1}))
      .add(node("Mul", {"f", "two"}, {"m"}))
      .add(node("Add", {"one", "m"}, {"a"}))
      .add(node("QuantizeLinear", {"a", "s", "z"}, {"q2"}))
      .add(node("DequantizeLinear", {"q2", "s", "z"}, {"y"}))
      .output("y");
  EXPECT_EQ(steps_of(model, image()), 3u);  // quantise, table, dequantise
  const FloatTensor x = image();
  const auto got = run_model(model, {{"x", x}});
  ASSERT_EQ(got.size(), 1u);
  std::vector<int64_t> dims = x.dims;
  dims.insert(dims.begin(), 1);
  EXPECT_EQ(got[0].dims, dims);
  const Quant q = {true, 0.05f, 3};
  for (size_t i = 0; i < x.values.size(); i++) {
    EXPECT_EQ(got[0].values[i], dequantise(quantise(1 + dequantise(quantise(x.values[i], q), q) * 2, q), q)) << i;
  }
}

// Passes look at weights before shapes are inferred: nothing is known of them yet, not even that they have channels.
TEST(QuantisedGraphTest, WeightsOfTheWrongRankAreRefused) {
  for (const char* op_type : {"Conv", "MatMul", "Gemm"}) {
    for (const std::vector<int64_t>& dims : std::vector<std::vector<int64_t>>{{}, {2}}) {
      ModelBuilder model = with_input();
      model.constant(tensor("w", kInt8, dims, std::string(dims.empty() ? 1 : 2, 1)))
          .constant(floats("ws", {2}, {0.01f, 0.02f}))
          .constant(tensor("wz", kInt8, {2}, std::string(2, 0)))
          .add(node("DequantizeLinear", {"w", "ws", "wz"}, {"wf"}, {int_attribute("axis", 0)}))
          .add(node(op_type, {"f", "wf"}, {"c"}))
          .add(node("QuantizeLinear", {"c", "s", "z"}, {"q2"}))
          .output("q2", kInt8);
      const auto session = Session::create_from_bytes(model.build(), {});
      if (!session.ok()) continue;
      EXPECT_FALSE(run_session(**session, {{"x", image()}}).ok()) << op_type;
    }
  }
}

// What is derived for products that share their weights is bounded; the rest compute the same in every run.
TEST(QuantisedGraphTest, ManyProductsOfOneWeight) {
  constexpr int64_t kChannels = 1 << 20, kProducts = 20;
  ModelBuilder model;
  model.input("x", {1, 1}, kInt8)
      .constant(tensor("w", kInt8, {1, kChannels}, std::string(kChannels, 3)))
      .constant(floats("one", {}, {1}))
      .constant(tensor("z", kInt8, {}, std::string(1, 0)));
  for (int64_t i = 0; i < kProducts; i++) {
    const std::string n = std::to_string(i);
    model.constant(floats("s" + n, {}, {static_cast<float>(i + 1)}))
        .add(node("QLinearMatMul", {"x", "s" + n, "z", "w", "one", "z", "one", "z"}, {"p" + n}))
        .add(node("ReduceMax", {"p" + n}, {"y" + n}, {int_attribute("keepdims", 0)}))
        .output("y" + n, kInt8);
  }
  const auto session = Session::create_from_bytes(model.build(), {});
  ASSERT_TRUE(session.ok()) << session.error().message;
  EXPECT_LT((*session)->report().constant_bytes, size_t{80} << 20);
  const std::vector<uint8_t> x = {2};
  const std::vector<int64_t> dims = {1, 1};
  std::vector<RunOutput> outputs(kProducts);
  for (size_t i = 0; i < outputs.size(); i++) outputs[i].index = i;
  const auto result = (*session)->run(std::vector<RunInput>{{"x", DataType::kInt8, dims, x}}, outputs);
  ASSERT_TRUE(result.ok()) << result.error().message;
  for (size_t i = 0; i < outputs.size(); i++) EXPECT_EQ(outputs[i].data[0], 6 * (i + 1));
}

TEST(QuantisedGraphTest, AFloatValueThatIsReadTwiceStays) {
  ModelBuilder model = with_input();
  model.constant(tensor("w", kInt8, {2, 2, 1, 1}, std::string("\x05\x11\x7f\x80", 4)))
      .constant(floats("ws", {}, {0.01f}))
      .add(node("DequantizeLinear", {"w", "ws"}, {"wf"}))
      .add(node("Conv", {"f", "wf"}, {"c"}))
      .add(node("QuantizeLinear", {"c", "s", "z"}, {"q2"}))
      .add(node("DequantizeLinear", {"q2", "s", "z"}, {"y"}))
      .output("y")
      .output("c");
  const auto got = run_model(model, {{"x", image()}});
  ASSERT_EQ(got.size(), 2u);
  for (size_t i = 0; i < got[0].values.size(); i++) EXPECT_NEAR(got[0].values[i], got[1].values[i], 0.0251f);
}

// A convolution whose result nothing quantises, with a bias that has a zero point and another scale than the sums.
TEST(QuantisedGraphTest, ProductsThatStayFloatComeFromTheSameSums) {
  ModelBuilder model = with_input();
  const std::vector<int32_t> bias = {1007, -300};
  model.constant(tensor("w", kInt8, {2, 2, 1, 1}, std::string("\x05\x11\x7f\x80", 4)))
      .constant(floats("ws", {2}, {0.01f, 0.03f}))
      .constant(tensor("b", kInt32, {2}, raw(bias)))
      .constant(floats("bs", {2}, {0.001f, 0.03f * 0.05f}))
      .constant(tensor("bz", kInt32, {2}, raw(std::vector<int32_t>{7, 0})))
      .add(node("DequantizeLinear", {"w", "ws"}, {"wf"}, {int_attribute("axis", 0)}))
      .add(node("DequantizeLinear", {"b", "bs", "bz"}, {"bf"}, {int_attribute("axis", 0)}))
      .add(node("Conv", {"f", "wf", "bf"}, {"y"}))
      .output("y");
  const FloatTensor x = image();
  const auto got = run_model(model, {{"x", x}});
  ASSERT_EQ(got.size(), 1u);
  const Quant q = {true, 0.05f, 3};
  const int weights[2][2] = {{5, 17}, {127, -128}};
  for (size_t o = 0; o < 2; o++) {
    const float step = 0.05f * (o == 0 ? 0.01f : 0.03f);
    for (size_t i = 0; i < 16; i++) {
      int32_t sum =
          o == 0 ? static_cast<int32_t>(std::nearbyint(1000 * static_cast<double>(0.001f) / static_cast<double>(step)))
                 : -300;
      for (size_t c = 0; c < 2; c++) sum += (quantise(x.values[c * 16 + i], q) - 3) * weights[o][c];
      EXPECT_EQ(got[0].values[o * 16 + i], static_cast<float>(sum) * step) << o << " " << i;
    }
  }
}

// float16 scales, and one scale per channel of an activation, are computed in float32.
TEST(QuantisedGraphTest, WhatIsNotMatchedIsComputedInFloat) {
  ModelBuilder model;
  model.input("x", {1, 2, 4, 4})
      .constant(floats("s", {2}, {0.05f, 0.1f}))
      .constant(tensor("z", kUint8, {2}, std::string("\x80\x10", 2)))
      .constant(floats("s1", {}, {0.05f}))
      .add(node("QuantizeLinear", {"x", "s", "z"}, {"q"}))
      .add(node("DequantizeLinear", {"q", "s", "z"}, {"f"}))
      .add(node("Relu", {"f"}, {"r"}))
      .add(node("QuantizeLinear", {"r", "s1"}, {"q2"}))
      .add(node("DequantizeLinear", {"q2", "s1"}, {"y"}))
      .output("y");
  const FloatTensor x = image();
  const auto got = run_model(model, {{"x", x}});
  ASSERT_EQ(got.size(), 1u);
  for (size_t i = 0; i < x.values.size(); i++) {
    const Quant first = i < 16 ? Quant{false, 0.05f, 128} : Quant{false, 0.1f, 16}, second = {false, 0.05f, 0};
    const float v = std::fmax(dequantise(quantise(x.values[i], first), first), 0.0f);
    EXPECT_EQ(got[0].values[i], dequantise(quantise(v, second), second)) << i;
  }
}

}  // namespace
}  // namespace sealedge
