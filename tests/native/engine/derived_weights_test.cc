// What a model makes of its weights alone is made once, when it is loaded.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/loaded_model.h"
#include "memory/secret_stack.h"
#include "onnx/external_data.h"
#include "run_any.h"

namespace sealedge {
namespace {

using namespace testing;

constexpr int64_t kIn = 520, kOut = 600;  // more than a plan computes by itself

std::vector<float> noise(size_t count, uint32_t seed) {
  std::vector<float> values;
  for (size_t i = 0; i < count; ++i) {
    seed = seed * 1664525U + 1013904223U;
    values.push_back(static_cast<float>(seed >> 8) / static_cast<float>(1 << 23) - 1.0F);
  }
  return values;
}

const std::vector<float> kWeight = noise(static_cast<size_t>(kIn * kOut), 1);
const std::vector<float> kX = noise(3 * kIn, 2);

// Y = X (W - mean of W's columns) / 4; W is a weight, or an input when it is to be computed in the run.
ModelBuilder standardised(bool weight_is_input) {
  ModelBuilder model;
  model.input("x", {3, kIn}).output("y").constant(floats("four", {}, {4}));
  if (weight_is_input) {
    model.input("w", {kIn, kOut});
  } else {
    model.constant(floats("w", {kIn, kOut}, kWeight));
  }
  model.add(node("ReduceMean", {"w"}, {"mean"}, {ints_attribute("axes", {0})}));
  model.add(node("Sub", {"w", "mean"}, {"centred"}));
  model.add(node("Div", {"centred", "four"}, {"scaled"}));
  model.add(node("MatMul", {"x", "scaled"}, {"y"}));
  return model;
}

std::vector<float> expected() {
  const auto whole = run_model(standardised(true), {{"x", {{3, kIn}, kX}}, {"w", {{kIn, kOut}, kWeight}}});
  return whole.empty() ? std::vector<float>() : whole[0].values;
}

std::shared_ptr<Session> load_with(const ModelBuilder& model, size_t max_derived_bytes) {
  SessionOptions options;
  options.limits.max_derived_bytes = max_derived_bytes;
  auto session = Session::create_from_bytes(model.build(), options);
  EXPECT_TRUE(session.ok()) << session.error().message;
  return session.ok() ? *session : nullptr;
}

void expect_result(const Session& session, const std::vector<float>& values) {
  const auto outputs = run_session(session, {{"x", {{3, kIn}, kX}}});
  ASSERT_TRUE(outputs.ok()) << outputs.error().message;
  EXPECT_EQ(floats_of((*outputs)[0]), values);
}

TEST(DerivedWeightsTest, AreComputedOnce) {
  const auto session = load_with(standardised(false), ModelLimits{}.max_derived_bytes);
  ASSERT_TRUE(session);
  expect_result(*session, expected());
  const SessionReport report = session->report();
  EXPECT_EQ(report.step_count, 1U);
  // The weight, what became of it as the product reads it, and nothing of what was computed on the way.
  const size_t weight = kWeight.size() * sizeof(float);
  EXPECT_GE(report.constant_bytes, 2 * weight);
  EXPECT_LE(report.constant_bytes, 2 * weight + 64 * 1024);
}

TEST(DerivedWeightsTest, BeyondTheLimitEveryRunComputesThem) {
  for (const size_t limit : {size_t{0}, kWeight.size() * sizeof(float) / 2}) {
    const auto session = load_with(standardised(false), limit);
    ASSERT_TRUE(session);
    expect_result(*session, expected());
    EXPECT_GT(session->report().step_count, 1U);
    EXPECT_LE(session->report().constant_bytes, kWeight.size() * sizeof(float) + limit + 64 * 1024);
  }
}

TEST(DerivedWeightsTest, PlansForOtherDimsShareThem) {
  ModelBuilder model = standardised(false);
  model.inputs.clear();
  model.input("x", {-1, kIn});
  const auto session = load_with(model, ModelLimits{}.max_derived_bytes);
  ASSERT_TRUE(session);
  const size_t before = session->report().constant_bytes;
  for (int64_t rows = 1; rows < 5; ++rows) {
    const auto outputs = run_session(*session, {{"x", {{rows, kIn}, noise(static_cast<size_t>(rows * kIn), 3)}}});
    ASSERT_TRUE(outputs.ok()) << outputs.error().message;
    EXPECT_EQ(session->report().step_count, 1U);
  }
  EXPECT_EQ(session->report().constant_bytes, before);
}

TEST(DerivedWeightsTest, InsideABranch) {
  ModelBuilder then_branch = standardised(false);
  then_branch.inputs.clear();
  ModelBuilder else_branch;
  else_branch.output("z").add(node("Neg", {"x"}, {"z"}));
  ModelBuilder model;
  model.input("x", {3, kIn}).input("c", {}, 9).output("out");
  model.add(node("If", {"c"}, {"out"},
                 {graph_attribute("then_branch", then_branch), graph_attribute("else_branch", else_branch)}));
  const auto session = load(model);
  ASSERT_TRUE(session);
  const auto results = run_any(*session, {{"x", f32({3, kIn}, kX)}, {"c", boolean(true)}});
  ASSERT_TRUE(results.ok()) << results.error().message;
  EXPECT_EQ((*results)[0].values<float>(), expected());
  EXPECT_GE(session->report().constant_bytes, 2 * kWeight.size() * sizeof(float));
}

// Half of what a convolution sees is read by others too, and one is an output.
TEST(DerivedWeightsTest, StayWhereTheyAreReadRowMajor) {
  ModelBuilder model = standardised(false);
  model.output("scaled").output("mean");
  const auto session = load(model);
  ASSERT_TRUE(session);
  const auto outputs = run_session(*session, {{"x", {{3, kIn}, kX}}});
  ASSERT_TRUE(outputs.ok()) << outputs.error().message;
  EXPECT_EQ(floats_of((*outputs)[0]), expected());
  double mean = 0;
  for (int64_t i = 0; i < kIn; ++i) mean += kWeight[static_cast<size_t>(i * kOut)];
  mean /= kIn;
  EXPECT_NEAR(floats_of((*outputs)[1])[0], (kWeight[0] - mean) / 4, 1e-6);
  EXPECT_NEAR(floats_of((*outputs)[2])[0], mean, 1e-6);
}

// A branch that nobody takes may hold what cannot be computed.
TEST(DerivedWeightsTest, MistakesAreThoseOfWhoRunsThem) {
  ModelBuilder broken;
  broken.output("b").constant(floats("table", {2000}, noise(2000, 4)));
  broken.constant(int64s("far", {1000}, std::vector<int64_t>(1000, 5000)));
  broken.add(node("Gather", {"table", "far"}, {"picked"})).add(node("Add", {"picked", "x"}, {"b"}));
  ModelBuilder fine;
  fine.output("f").add(node("Neg", {"x"}, {"f"}));
  ModelBuilder model;
  model.input("x", {1000}).input("c", {}, 9).output("out");
  model.add(node("If", {"c"}, {"out"}, {graph_attribute("then_branch", broken), graph_attribute("else_branch", fine)}));
  const auto session = load(model);
  ASSERT_TRUE(session);
  const AnyTensor x = f32({1000}, noise(1000, 5));
  EXPECT_TRUE(run_any(*session, {{"x", x}, {"c", boolean(false)}}).ok());
  EXPECT_FALSE(run_any(*session, {{"x", x}, {"c", boolean(true)}}).ok());
}

// Of a sealed model: all of it in secret memory, whatever the limit, and among what a residency scan looks for.
TEST(DerivedWeightsTest, OfASealedModelAreSecrets) {
  const std::vector<uint8_t> bytes = standardised(false).build();
  const auto examine = [&] {
    NoExternalData external;
    SessionOptions options;
    options.limits.max_derived_bytes = 0;
    const auto model = LoadedModel::load(bytes, &external, ConstantStore::Kind::kSecret, options);
    ASSERT_TRUE(model.ok()) << model.error().message;
    EXPECT_EQ((*model)->graph->nodes.size(), 1U);
    const size_t weight = kWeight.size() * sizeof(float);
    const auto report = examine_residency(**model, {});
    ASSERT_TRUE(report.ok()) << report.error().message;
    EXPECT_GE(report->weight_bytes, 2 * weight);
    EXPECT_EQ(report->secret_bytes, report->weight_bytes);
    size_t packed_bytes = 0;
    for (const auto& form : report->forms) packed_bytes += form.name == "row-major" ? 0 : form.size_bytes;
    EXPECT_GE(packed_bytes, weight);
  };
  ASSERT_TRUE(run_on_secret_stack(examine).ok());
}

}  // namespace
}  // namespace sealedge
