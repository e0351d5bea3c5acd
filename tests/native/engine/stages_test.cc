// Shapes that depend on elements: of inputs, and of what a run computes.
#include <gtest/gtest.h>

#include "engine/graph_run.h"
#include "engine/loaded_model.h"
#include "onnx/external_data.h"
#include "run_any.h"

namespace sealedge {
namespace {

using namespace testing;

TEST(StagesTest, InputsThatAreShapesMayBeOthersInEveryRun) {
  ModelBuilder builder;
  builder.input("x", {-1, -1}).input("shape", {-1}, 7).output("y").output("z");
  builder.add(node("Reshape", {"x", "shape"}, {"y"})).add(node("Relu", {"y"}, {"z"}));
  const auto session = load(builder);
  ASSERT_TRUE(session);
  const std::vector<float> values = {1, -2, 3, -4, 5, -6};
  for (const std::vector<int64_t>& dims : std::vector<std::vector<int64_t>>{{6}, {3, 2}, {2, 3}, {1, 6}, {6, 1}, {6}}) {
    const auto outputs =
        run_any(*session, {{"x", f32({2, 3}, values)}, {"shape", i64({static_cast<int64_t>(dims.size())}, dims)}});
    ASSERT_TRUE(outputs.ok()) << outputs.error().message;
    EXPECT_EQ((*outputs)[0].dims, dims);
    EXPECT_EQ((*outputs)[0].values<float>(), values);
    EXPECT_EQ((*outputs)[1].values<float>(), (std::vector<float>{1, 0, 3, 0, 5, 0}));
  }
  const auto wrong = run_any(*session, {{"x", f32({2, 3}, values)}, {"shape", i64({1}, {7})}});
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().code, ErrorCode::kShapeMismatch);
}

// After a few plans for other elements each, planning stops asking for them; results stay the same.
TEST(StagesTest, ElementsThatKeepChangingAreNoPartOfThePlan) {
  ModelBuilder builder;
  builder.input("x", {8, 2}).input("start", {1}, 7).input("end", {1}, 7).output("y");
  builder.constant(int64s("one", {1}, {1}));
  builder.add(node("Add", {"start", "one"}, {"from"}));
  builder.add(node("Slice", {"x", "from", "end"}, {"part"})).add(node("Neg", {"part"}, {"y"}));
  const auto session = load(builder);
  ASSERT_TRUE(session);
  std::vector<float> values(16);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  for (int round = 0; round < 5; ++round) {
    for (int64_t start = 0; start < 7; ++start) {
      const auto outputs =
          run_any(*session, {{"x", f32({8, 2}, values)}, {"start", i64({1}, {start})}, {"end", i64({1}, {start + 2})}});
      ASSERT_TRUE(outputs.ok()) << outputs.error().message;
      EXPECT_EQ((*outputs)[0].dims, (std::vector<int64_t>{1, 2}));
      const auto first = static_cast<float>(2 * (start + 1));
      EXPECT_EQ((*outputs)[0].values<float>(), (std::vector<float>{-first, -first - 1}));
    }
  }
}

// A plan for elements in the caller's memory, which another thread may write to: Slice reads its starts for the dims of
// its output, and again for the place where it begins to copy.
TEST(StagesTest, ShapesInTheCallersMemoryAreReadOnce) {
  ModelBuilder builder;
  builder.input("x", {8, 2}).input("start", {1}, 7).input("end", {1}, 7).output("y");
  builder.add(node("Slice", {"x", "start", "end"}, {"y"}));
  NoExternalData external;
  const auto model = LoadedModel::load(builder.build(), &external, ConstantStore::Kind::kOrdinary, {});
  ASSERT_TRUE(model.ok()) << model.error().message;
  const std::vector<float> x(16);
  const int64_t start = 1, end = 5;
  const auto owner = std::make_shared<const int>(0);
  const auto values = [&](std::shared_ptr<const void> owned) {
    return std::vector<RunValue>{{{DataType::kFloat32, {8, 2}}, reinterpret_cast<const uint8_t*>(x.data())},
                                 {{DataType::kInt64, {1}}, reinterpret_cast<const uint8_t*>(&start)},
                                 {{DataType::kInt64, {1}}, reinterpret_cast<const uint8_t*>(&end), std::move(owned)}};
  };
  const auto plan = (*model)->plans->plan_interlude((*model)->graph, values(owner));
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  EXPECT_EQ((*plan)->outputs[0].fact.dims, (Dims{4, 2}));
  EXPECT_EQ((*plan)->inputs[0].contents, nullptr);
  ASSERT_NE((*plan)->inputs[1].contents, nullptr);
  EXPECT_NE((*plan)->inputs[1].contents->data, reinterpret_cast<const uint8_t*>(&start));
  EXPECT_EQ(std::memcmp((*plan)->inputs[1].contents->data, &start, sizeof start), 0);
  // What the run itself owns stays as it is, and is not copied.
  EXPECT_EQ((*plan)->inputs[2].contents->data, reinterpret_cast<const uint8_t*>(&end));
}

// What NonZero finds decides over every shape behind it.
TEST(StagesTest, ComputedShapesEndAStage) {
  ModelBuilder builder;
  builder.input("x", {-1}).output("y").output("count").output("wide");
  builder.constant(int64s("axis", {1}, {0})).constant(int64s("two", {1}, {2})).constant(int64s("flat", {1}, {-1}));
  builder.add(node("Relu", {"x"}, {"positive"}));
  builder.add(node("NonZero", {"positive"}, {"where"}));
  builder.add(node("Squeeze", {"where", "axis"}, {"index"}));
  builder.add(node("Gather", {"x", "index"}, {"picked"}));
  builder.add(node("Mul", {"picked", "picked"}, {"y"}));
  builder.add(node("Shape", {"y"}, {"count"}));
  // A second stage: dims that are computed from data, not from shapes.
  builder.add(node("ReduceSum", {"index"}, {"sum"}, {int_attribute("keepdims", 0)}));
  builder.add(node("Reshape", {"sum", "flat"}, {"sums"}));
  builder.add(node("Concat", {"sums", "two"}, {"dims"}, {int_attribute("axis", 0)}));
  builder.add(node("ConstantOfShape", {"dims"}, {"zeros"}));
  builder.add(node("Cos", {"zeros"}, {"wide"}));
  const auto session = load(builder);
  ASSERT_TRUE(session);
  for (const std::vector<float>& x :
       std::vector<std::vector<float>>{{1, -1, 2, 0, 3}, {0, 0, -1}, {5}, {-1, 4}, {1, -1, 2, 0, 3}}) {
    std::vector<float> squares;
    int64_t sum = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      if (x[i] <= 0) continue;
      squares.push_back(x[i] * x[i]);
      sum += static_cast<int64_t>(i);
    }
    const auto outputs = run_any(*session, {{"x", f32({static_cast<int64_t>(x.size())}, x)}});
    ASSERT_TRUE(outputs.ok()) << outputs.error().message;
    EXPECT_EQ((*outputs)[0].values<float>(), squares);
    EXPECT_EQ((*outputs)[1].values<int64_t>(), std::vector<int64_t>{static_cast<int64_t>(squares.size())});
    EXPECT_EQ((*outputs)[2].dims, (std::vector<int64_t>{sum, 2}));
    EXPECT_EQ((*outputs)[2].values<float>(), std::vector<float>(static_cast<size_t>(2 * sum), 1.0f));
  }
}

// Inputs, constants and values of the first stage that are outputs or are read much later.
TEST(StagesTest, ValuesCrossStages) {
  ModelBuilder builder;
  builder.input("x", {-1}).output("x").output("early").output("late").output("fixed");
  builder.constant(floats("fixed", {2}, {7, 8})).constant(int64s("axis", {1}, {0}));
  builder.add(node("Neg", {"x"}, {"early"}));
  builder.add(node("NonZero", {"x"}, {"where"}));
  builder.add(node("Squeeze", {"where", "axis"}, {"index"}));
  builder.add(node("Gather", {"early", "index"}, {"picked"}));
  builder.add(node("Concat", {"picked", "x", "fixed"}, {"late"}, {int_attribute("axis", 0)}));
  const auto session = load(builder);
  ASSERT_TRUE(session);
  const auto outputs = run_any(*session, {{"x", f32({3}, {1, 0, 2})}});
  ASSERT_TRUE(outputs.ok()) << outputs.error().message;
  EXPECT_EQ((*outputs)[0].values<float>(), (std::vector<float>{1, 0, 2}));
  EXPECT_EQ((*outputs)[1].values<float>(), (std::vector<float>{-1, 0, -2}));
  EXPECT_EQ((*outputs)[2].values<float>(), (std::vector<float>{-1, -2, 1, 0, 2, 7, 8}));
  EXPECT_EQ((*outputs)[3].values<float>(), (std::vector<float>{7, 8}));
}

// There is nothing to wait for in a tensor without elements, wherever it comes from.
TEST(StagesTest, AnEmptyTensorsElementsAreKnown) {
  ModelBuilder builder;
  builder.input("x", {}).input("shape", {-1}, 7).input("matrix", {-1, 2}).output("y").output("where").output("sum");
  builder.add(node("Reshape", {"x", "shape"}, {"y"})).add(node("NonZero", {"matrix"}, {"where"}));
  builder.add(node("ReduceSum", {"matrix", "shape"}, {"sum"}, {int_attribute("noop_with_empty_axes", 1)}));
  const auto outputs =
      run_any(*load(builder), {{"x", f32({}, {3})}, {"shape", i64({0}, {})}, {"matrix", f32({0, 2}, {})}});
  ASSERT_TRUE(outputs.ok()) << outputs.error().message;
  EXPECT_EQ((*outputs)[0].values<float>(), std::vector<float>{3});
  EXPECT_EQ((*outputs)[1].dims, (std::vector<int64_t>{2, 0}));
  EXPECT_EQ((*outputs)[2].dims, (std::vector<int64_t>{0, 2}));
}

// Conditions that a run computes choose branches, not plans: six of them, 64 ways through the model.
TEST(StagesTest, ComputedConditionsDoNotMultiplyPlans) {
  ModelBuilder builder;
  builder.input("x", {6}).constant(floats("one", {1}, {1})).constant(floats("zero", {1}, {0})).output("s6");
  builder.constant(int64s("at0", {1}, {0}));
  builder.add(node("Identity", {"one"}, {"s0"}));
  for (int64_t i = 0; i < 6; ++i) {
    const std::string n = std::to_string(i), next = std::to_string(i + 1);
    ModelBuilder then_branch, else_branch;
    then_branch.add(node("Add", {"s" + n, "one"}, {"n"})).output("n");
    else_branch.add(node("Add", {"s" + n, "s" + n}, {"n"})).output("n");
    builder.constant(int64s("at" + next, {1}, {i + 1}));
    builder.add(node("Slice", {"x", "at" + n, "at" + next}, {"e" + n}))
        .add(node("Greater", {"e" + n, "zero"}, {"c" + n}));
    builder.add(node("If", {"c" + n}, {"s" + next},
                     {graph_attribute("then_branch", then_branch), graph_attribute("else_branch", else_branch)}));
  }
  const std::vector<uint8_t> bytes = builder.build();
  NoExternalData external;
  auto loaded = LoadedModel::load(bytes, &external, ConstantStore::Kind::kOrdinary, {});
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  const GraphRunner runner{(*loaded)->plans.get(), {}, {}};
  for (unsigned way = 0; way < 64; ++way) {
    std::vector<float> x(6);
    float expected = 1;
    for (unsigned i = 0; i < 6; ++i) {
      x[i] = (way >> i & 1) != 0 ? 1.0f : -1.0f;
      expected = x[i] > 0 ? expected + 1 : 2 * expected;
    }
    RunValue value{{DataType::kFloat32, {6}}, reinterpret_cast<const uint8_t*>(x.data())};
    const auto results = runner.run((*loaded)->graph, {value});
    ASSERT_TRUE(results.ok()) << results.error().message;
    EXPECT_EQ(*reinterpret_cast<const float*>((*results)[0].data), expected);
  }
  size_t plans = 0;
  (*loaded)->plans->for_each([&](const Plan&) { ++plans; });
  EXPECT_LE(plans, 1u + 6 * 3);  // of the model, of each rest, of each branch
}

TEST(StagesTest, AnAbortedRunEndsAndTheNextOneRuns) {
  ModelBuilder builder;
  builder.input("x", {2}).output("y");
  builder.add(node("Neg", {"x"}, {"y"}));
  const auto session = load(builder);
  ASSERT_TRUE(session);
  const std::atomic<bool> cancelled = true;
  const auto aborted = run_any(*session, {{"x", f32({2}, {1, 2})}}, {&cancelled});
  ASSERT_FALSE(aborted.ok());
  EXPECT_EQ(aborted.error().code, ErrorCode::kAborted);
  EXPECT_TRUE(run_any(*session, {{"x", f32({2}, {1, 2})}}).ok());
}

}  // namespace
}  // namespace sealedge
