// Models of many stages: chains longer than any stage looks ahead, values and constants that are read much later,
// branches on the way (native/graph/stage.h).
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>

#include "engine/graph_run.h"
#include "engine/loaded_model.h"
#include "onnx/external_data.h"
#include "run_any.h"

namespace sealedge {
namespace {

using namespace testing;
using Four = std::array<float, 4>;

// A graph of vectors of four floats, some of which have dims that only a run can tell, beside what they are.
class RandomGraph {
 public:
  RandomGraph(uint32_t seed, size_t links) : random_(seed) {
    builder_.input("x", {4});
    builder_.constant(floats("zero", {1}, {0})).constant(floats("four", {1}, {4}));
    builder_.constant(int64s("int4", {}, {4})).constant(int64s("int5", {}, {5}));
    // Constants that planning computes, read to the end.
    builder_.add(node("Size", {"x"}, {"size"}));
    builder_.add(node("Equal", {"size", "int4"}, {"yes"})).add(node("Equal", {"size", "int5"}, {"no"}));
    names_ = {"x"};
    values_ = {{-1.5f, 2, 0.25f, -3}};
    for (size_t i = 0; i < links; ++i) add_link("v" + std::to_string(i));
    for (size_t i = 0; i < names_.size(); ++i) {
      if (i + 5 > names_.size() || random_() % 50 == 0) outputs_.push_back(i);
    }
    for (size_t i : outputs_) builder_.output(names_[i]);
    builder_.output("yes", 9);
  }

  void check() {
    const auto session = load(builder_);
    ASSERT_TRUE(session);
    for (int run = 0; run < 2; ++run) {
      const auto results = run_any(*session, {{"x", f32({4}, {values_[0].begin(), values_[0].end()})}});
      ASSERT_TRUE(results.ok()) << results.error().message;
      for (size_t i = 0; i < outputs_.size(); ++i) {
        const Four& expected = values_[outputs_[i]];
        ASSERT_EQ((*results)[i].values<float>(), std::vector<float>(expected.begin(), expected.end()))
            << names_[outputs_[i]] << " in run " << run;
      }
      EXPECT_EQ(results->back().bytes, std::string(1, 1));
    }
  }

 private:
  // Mostly of late, sometimes of long ago.
  size_t pick() {
    const size_t back = random_() % 4 == 0 ? names_.size() : std::min<size_t>(names_.size(), 3);
    return names_.size() - 1 - random_() % back;
  }

  void add_link(const std::string& to) {
    const size_t a = pick(), b = pick();
    const std::string &x = names_[a], &y = names_[b];
    Four result = values_[a];
    const auto combine = [&](auto pair) {
      for (size_t i = 0; i < 4; ++i) result[i] = pair(values_[a][i], values_[b][i]);
    };
    const auto negate = [&] { std::transform(result.begin(), result.end(), result.begin(), std::negate<>()); };
    switch (random_() % 8) {
      case 0:
        builder_.add(node("Neg", {x}, {to}));
        negate();
        break;
      case 1:
        builder_.add(node("Max", {x, y}, {to}));
        combine([](float p, float q) { return std::max(p, q); });
        break;
      case 2:
        builder_.add(node("Min", {x, y}, {to}));
        combine([](float p, float q) { return std::min(p, q); });
        break;
      case 3:  // keeps all there are
        builder_.add(node("Abs", {x}, {to + "_abs"}));
        builder_.add(node("GreaterOrEqual", {to + "_abs", "zero"}, {to + "_all"}));
        builder_.add(node("Compress", {x, to + "_all"}, {to}));
        break;
      case 4:  // to dims that are computed
        builder_.add(node("Mul", {x, "zero"}, {to + "_nothing"}));
        builder_.add(node("ReduceSum", {to + "_nothing"}, {to + "_sum"}));
        builder_.add(node("Add", {to + "_sum", "four"}, {to + "_count"}));
        builder_.add(node("Cast", {to + "_count"}, {to + "_dims"}, {int_attribute("to", 7)}));
        builder_.add(node("Reshape", {x, to + "_dims"}, {to}));
        break;
      case 5:  // branches known when planning; one hands on what it finds
        add_if(to, "yes", x, y);
        negate();
        break;
      case 6:
        add_if(to, "no", x, y);
        result = values_[b];
        break;
      default: {  // and known when running
        builder_.add(node("ReduceMax", {x}, {to + "_x"}, {int_attribute("keepdims", 0)}));
        builder_.add(node("ReduceMax", {y}, {to + "_y"}, {int_attribute("keepdims", 0)}));
        builder_.add(node("Greater", {to + "_x", to + "_y"}, {to + "_more"}));
        add_if(to, to + "_more", x, y);
        const bool more = *std::max_element(values_[a].begin(), values_[a].end()) >
                          *std::max_element(values_[b].begin(), values_[b].end());
        if (more) {
          negate();
        } else {
          result = values_[b];
        }
      }
    }
    names_.push_back(to);
    values_.push_back(result);
  }

  void add_if(const std::string& to, const std::string& condition, const std::string& x, const std::string& y) {
    ModelBuilder then_branch, else_branch;
    then_branch.add(node("Neg", {x}, {to + "_then"})).output(to + "_then");
    else_branch.add(node("Identity", {y}, {to + "_else"})).output(to + "_else");
    builder_.add(node("If", {condition}, {to},
                      {graph_attribute("then_branch", then_branch), graph_attribute("else_branch", else_branch)}));
  }

  std::mt19937 random_;
  ModelBuilder builder_;
  std::vector<std::string> names_;
  std::vector<Four> values_;
  std::vector<size_t> outputs_;
};

TEST(LongStagesTest, RandomGraphsComputeWhatTheyWouldInOnePiece) {
  for (uint32_t seed = 0; seed < 12; ++seed) RandomGraph(seed, 40).check();
}

// So many nodes that a stage sees a small part of them.
TEST(LongStagesTest, LongRandomGraphsTooExceptThatStagesSeeAPart) {
  for (uint32_t seed = 100; seed < 103; ++seed) RandomGraph(seed, 3000).check();
}

// More than were once allowed, each with an interlude that reads the one before: what a run keeps does not grow with
// them, nor does what it takes to let go.
TEST(LongStagesTest, ThousandsOfStages) {
  constexpr int kStages = 6000;
  ModelBuilder builder;
  builder.input("x", {-1}).output("y", 7);
  builder.add(node("NonZero", {"x"}, {"z0"}));
  for (int i = 1; i < kStages; ++i) {
    builder.add(node("NonZero", {"z" + std::to_string(i - 1)}, {i + 1 == kStages ? "y" : "z" + std::to_string(i)}));
  }
  const auto session = load(builder);
  ASSERT_TRUE(session);
  const auto none = run_any(*session, {{"x", f32({3}, {0, 0, 0})}});
  ASSERT_TRUE(none.ok()) << none.error().message;
  EXPECT_EQ((*none)[0].dims, (std::vector<int64_t>{2, 0}));
  EXPECT_LT(session->report().peak_arena_bytes, size_t{1} << 20);
}

// What planning computes from the weights of a sealed model, for stages much later too.
TEST(LongStagesTest, ConstantsOfAllStagesLieInSecretMemory) {
  constexpr int kLong = 3000;
  ModelBuilder builder;
  builder.input("x", {4}).output("y").constant(floats("w", {200, 1}, std::vector<float>(200, 3)));
  builder.constant(int64s("axis", {1}, {0}));
  // Known when the first stage is planned, not before.
  builder.add(node("Shape", {"x"}, {"dims"})).add(node("Expand", {"w", "dims"}, {"wide"}));
  builder.add(node("NonZero", {"x"}, {"z"}));
  builder.add(node("Squeeze", {"z", "axis"}, {"at"})).add(node("Gather", {"x", "at"}, {"n0"}));
  for (int i = 1; i <= kLong; ++i) {
    builder.add(node("Neg", {"n" + std::to_string(i - 1)}, {"n" + std::to_string(i)}));
  }
  builder.add(node("Add", {"wide", "n" + std::to_string(kLong)}, {"y"}));
  NoExternalData external;
  const auto model = LoadedModel::load(builder.build(), &external, ConstantStore::Kind::kSecret, {});
  ASSERT_TRUE(model.ok()) << model.error().message;
  const GraphRunner runner{(*model)->plans.get(), {}, {}};
  const std::vector<float> x = {1, 1, 1, 1};
  const auto results =
      runner.run((*model)->graph, {{{DataType::kFloat32, {4}}, reinterpret_cast<const uint8_t*>(x.data())}});
  ASSERT_TRUE(results.ok()) << results.error().message;
  EXPECT_EQ((*results)[0].fact.dims, (Dims{200, 4}));
  EXPECT_EQ(reinterpret_cast<const float*>((*results)[0].data)[799], 4);

  size_t plans = 0, kept = 0, computed = 0;
  const auto expect_secret = [&](const Constant& constant) {
    if (!constant.store) return;  // of the model
    ++computed;
    EXPECT_EQ(std::static_pointer_cast<const ConstantStore>(constant.store)->kind(), ConstantStore::Kind::kSecret);
  };
  (*model)->plans->for_each([&](const Plan& plan) {
    ++plans;
    EXPECT_EQ(plan.constants->kind(), ConstantStore::Kind::kSecret);
    for (const auto& constant : plan.keep) expect_secret(*constant);
    for (const auto& [slot, constant] : plan.kept_constants) expect_secret(*constant.constant);
    kept += plan.kept_constants.size();
  });
  EXPECT_GE(plans, 2U);
  EXPECT_GE(kept, 1U);
  EXPECT_GE(computed, 1U);
}

// A branch too long to take the If's place runs as a graph of its own.
TEST(LongStagesTest, LongBranches) {
  ModelBuilder builder, then_branch, else_branch;
  builder.input("x", {3}).output("y").output("z").constant(int64s("three", {}, {3}));
  builder.add(node("Size", {"x"}, {"size"})).add(node("Equal", {"size", "three"}, {"yes"}));
  constexpr int kLong = 3000;
  then_branch.add(node("Neg", {"x"}, {"n0"}));
  for (int i = 1; i <= kLong; ++i) {
    then_branch.add(node("Neg", {"n" + std::to_string(i - 1)}, {"n" + std::to_string(i)}));
  }
  then_branch.output("n" + std::to_string(kLong));
  else_branch.add(node("Identity", {"x"}, {"same"})).output("same");
  builder.add(node("If", {"yes"}, {"y"},
                   {graph_attribute("then_branch", then_branch), graph_attribute("else_branch", else_branch)}));
  builder.add(node("Add", {"y", "x"}, {"z"}));
  const auto outputs = run_any(*load(builder), {{"x", f32({3}, {1, 2, 3})}});
  ASSERT_TRUE(outputs.ok()) << outputs.error().message;
  EXPECT_EQ((*outputs)[0].values<float>(), (std::vector<float>{-1, -2, -3}));
  EXPECT_EQ((*outputs)[1].values<float>(), (std::vector<float>{0, 0, 0}));
}

}  // namespace
}  // namespace sealedge
