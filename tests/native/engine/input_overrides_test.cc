// Initializers that are inputs too: fed or not, in any combination.
#include "engine/input_overrides.h"

#include <gtest/gtest.h>

#include "run_any.h"

namespace sealedge {
namespace {

using namespace testing;

std::vector<float> numbers(size_t count, float first) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = first + 0.25f * static_cast<float>(i % 7);
  return values;
}

// x W^T reshaped + bias, with everything but the product's transposition overridable.
ModelBuilder all_listed() {
  ModelBuilder builder;
  builder.input("x", {1, 32}).input("w", {48, 32}).input("bias", {-1}).input("shape", {-1}, 7).output("y");
  builder.constant(floats("w", {48, 32}, numbers(48 * 32, 0.5f))).constant(floats("bias", {24}, numbers(24, 1)));
  builder.constant(int64s("shape", {2}, {2, 24})).constant(floats("own", {1}, {3}));
  builder.add(node("Transpose", {"w"}, {"wt"}, {ints_attribute("perm", {1, 0})}));
  builder.add(node("MatMul", {"x", "wt"}, {"product"})).add(node("Reshape", {"product", "shape"}, {"shaped"}));
  builder.add(node("Add", {"shaped", "bias"}, {"sum"})).add(node("Mul", {"sum", "own"}, {"y"}));
  return builder;
}

std::vector<float> expected(const std::vector<float>& x, const std::vector<float>& w, const std::vector<float>& bias) {
  std::vector<float> y(48);
  for (size_t n = 0; n < 48; ++n) {
    float sum = 0;
    for (size_t k = 0; k < 32; ++k) sum += x[k] * w[n * 32 + k];
    y[n] = (sum + bias[n % bias.size()]) * 3;
  }
  return y;
}

void expect_near(const std::vector<float>& got, const std::vector<float>& want) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-3f * std::abs(want[i])) << i;
}

TEST(InputOverridesTest, EveryCombination) {
  const auto session = load(all_listed());
  ASSERT_TRUE(session);
  ASSERT_EQ(session->inputs().size(), 1u);  // only what must be fed
  const std::vector<float> x = numbers(32, -1);
  for (int round = 0; round < 2; ++round) {
    for (unsigned fed = 0; fed < 8; ++fed) {
      std::map<std::string, AnyTensor> inputs = {{"x", f32({1, 32}, x)}};
      std::vector<float> w = numbers(48 * 32, 0.5f), bias = numbers(24, 1);
      std::vector<int64_t> dims = {2, 24};
      if (fed & 4) {
        dims = {4, 12};
        inputs.emplace("shape", i64({2}, dims));
        bias = numbers(12, 1);
      }
      if (fed & 1) {
        w = numbers(48 * 32, -2);
        inputs.emplace("w", f32({48, 32}, w));
      }
      if (fed & 2) bias = numbers(static_cast<size_t>(dims[1]), 7);
      if (fed & 6) inputs.emplace("bias", f32({dims[1]}, bias));
      const auto outputs = run_any(*session, inputs);
      ASSERT_TRUE(outputs.ok()) << fed << ": " << outputs.error().message;
      EXPECT_EQ((*outputs)[0].dims, dims);
      expect_near((*outputs)[0].values<float>(), expected(x, w, bias));
    }
  }
}

TEST(InputOverridesTest, RefusesWhatDoesNotFit) {
  const auto session = load(all_listed());
  ASSERT_TRUE(session);
  const AnyTensor x = f32({1, 32}, numbers(32, 0));
  const auto refused = [&](const std::string& name, const AnyTensor& value) {
    const auto outputs = run_any(*session, {{"x", x}, {name, value}});
    return outputs.ok() ? ErrorCode::kInternal : outputs.error().code;
  };
  EXPECT_EQ(refused("w", f32({2, 32}, numbers(64, 0))), ErrorCode::kShapeMismatch);
  EXPECT_EQ(refused("bias", i64({1}, {1})), ErrorCode::kInputInvalid);
  EXPECT_EQ(refused("own", f32({1}, {1})), ErrorCode::kInputInvalid);  // an initializer, and no input
  EXPECT_EQ(refused("nothing", x), ErrorCode::kInputInvalid);
}

// A weight that a body takes from outside, and a constant that only one branch of the fed graph needs.
TEST(InputOverridesTest, BodiesSeeWhatIsFed) {
  ModelBuilder body;
  body.input("i", {}, 7).input("go", {}, 9).input("state", {1, 32});
  body.add(node("MatMul", {"state", "w"}, {"next"})).add(node("Identity", {"go"}, {"still"}));
  body.output("still", 9).output("next");
  std::vector<float> identity(32 * 32), twice(32 * 32);
  for (size_t i = 0; i < 32; ++i) twice[i * 33] = 2 * (identity[i * 33] = 1);
  ModelBuilder builder;
  builder.input("x", {1, 32}).input("w", {32, 32}).constant(floats("w", {32, 32}, identity)).output("y");
  builder.constant(int64s("three", {}, {3}));
  builder.add(node("Loop", {"three", "", "x"}, {"y"}, {graph_attribute("body", body)}));
  const auto session = load(builder);
  ASSERT_TRUE(session);
  const std::vector<float> x = numbers(32, 1);
  std::vector<float> eightfold = x;
  for (float& v : eightfold) v *= 8;
  const auto plain = run_any(*session, {{"x", f32({1, 32}, x)}});
  ASSERT_TRUE(plain.ok()) << plain.error().message;
  EXPECT_EQ((*plain)[0].values<float>(), x);
  const auto fed = run_any(*session, {{"x", f32({1, 32}, x)}, {"w", f32({32, 32}, twice)}});
  ASSERT_TRUE(fed.ok()) << fed.error().message;
  EXPECT_EQ((*fed)[0].values<float>(), eightfold);
}

}  // namespace
}  // namespace sealedge
