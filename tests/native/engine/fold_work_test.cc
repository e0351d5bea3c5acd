// What a file of a few bytes can ask a loader to compute: operators on constants whose work has nothing to do with
// their size. Looked at without a clock: what is left for the run is a step or an interlude of the plan.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "engine/loaded_model.h"
#include "onnx/external_data.h"
#include "run_any.h"

namespace sealedge {
namespace {

using namespace testing;

// x is added to what the constants give, so that there is something to plan.
class Constants {
 public:
  Constants() { builder_.input("x", {1}).output("y"); }
  // A constant that the file holds as its dims.
  Constants& filled(const std::string& name, const std::vector<int64_t>& dims, const Proto& value) {
    builder_.constant(int64s(name + "_dims", {static_cast<int64_t>(dims.size())}, dims));
    builder_.add(
        node("ConstantOfShape", {name + "_dims"}, {name}, {Proto().bytes(1, "value").message(5, value).varint(20, 4)}));
    return *this;
  }
  Constants& ones(const std::string& name, const std::vector<int64_t>& dims) {
    return filled(name, dims, floats("", {1}, {1}));
  }
  Constants& zeros(const std::string& name, const std::vector<int64_t>& dims) {
    return filled(name, dims, floats("", {1}, {0}));
  }
  Constants& integers(const std::string& name, const std::vector<int64_t>& values) {
    builder_.constant(int64s(name, {static_cast<int64_t>(values.size())}, values));
    return *this;
  }
  Constants& add(const Proto& proto) {
    builder_.add(proto);
    return *this;
  }
  const ModelBuilder& result(const std::string& name) {
    builder_.add(node("ReduceMax", {name}, {"most"}, {int_attribute("keepdims", 0)}));
    return builder_.add(node("Add", {"x", "most"}, {"y"}));
  }

 private:
  ModelBuilder builder_;
};

// How often each operator is left to the run, by the beginning of its name.
std::map<std::string, size_t> left_to_the_run(const ModelBuilder& builder) {
  const std::vector<uint8_t> bytes = builder.build();
  EXPECT_LT(bytes.size(), 8192U);
  NoExternalData external;
  const auto model = LoadedModel::load(bytes, &external, ConstantStore::Kind::kOrdinary, {});
  EXPECT_TRUE(model.ok()) << model.error().message;
  std::map<std::string, size_t> left;
  if (!model.ok()) return left;
  (*model)->plans->for_each([&](const Plan& plan) {
    for (const PlanStep& step : plan.steps) ++left[step.name.substr(0, step.name.find(' '))];
    for (const Interlude& interlude : plan.interludes) ++left[interlude.graph->nodes[0].op->op_type()];
  });
  return left;
}

TEST(FoldWorkTest, HonestConstantsAreComputedOnce) {
  Constants model;
  model.ones("a", {256, 256}).ones("b", {256, 256});
  model.add(node("MatMul", {"a", "b"}, {"ab"})).add(node("Mul", {"ab", "b"}, {"scaled"}));
  model.add(node("Transpose", {"scaled"}, {"turned"})).add(node("Exp", {"turned"}, {"last"}));
  EXPECT_EQ(left_to_the_run(model.result("last")), (std::map<std::string, size_t>{{"Add", 1}}));
}

TEST(FoldWorkTest, ProductsAreComputedWithinABudget) {
  Constants model;
  model.ones("m0", {500, 500});
  for (int i = 0; i < 20; ++i) {
    model.add(node("MatMul", {"m" + std::to_string(i), "m0"}, {"m" + std::to_string(i + 1)}));
  }
  const ModelBuilder& builder = model.add(node("Log", {"m20"}, {"log"})).result("log");
  EXPECT_GE(left_to_the_run(builder)["MatMul"], 17U);
  // And the run gives what folding would have given.
  const auto outputs = run_any(*load(builder), {{"x", f32({1}, {0})}});
  ASSERT_TRUE(outputs.ok()) << outputs.error().message;
  // 500^20 is beyond float32.
  EXPECT_TRUE(std::isinf((*outputs)[0].values<float>()[0]));
}

TEST(FoldWorkTest, SamplesCombinationsAndSequencesAreWork) {
  Constants regions;
  regions.ones("image", {1, 1, 8, 8}).ones("rois", {200, 4}).filled("batch", {200}, int64s("", {1}, {0}));
  regions.add(node(
      "RoiAlign", {"image", "rois", "batch"}, {"out"},
      {int_attribute("output_height", 8), int_attribute("output_width", 8), int_attribute("sampling_ratio", 256)}));
  EXPECT_EQ(left_to_the_run(regions.result("out"))["RoiAlign"], 1U);

  Constants einsum;
  einsum.ones("a", {1 << 17}).ones("b", {1 << 17}).ones("c", {1 << 17});
  einsum.add(node("Einsum", {"a", "b", "c"}, {"out"}, {string_attribute("equation", "i,j,k->")}));
  const std::vector<uint8_t> bytes = einsum.result("out").build();
  const auto refused = Session::create_from_bytes(bytes, {});
  EXPECT_TRUE(refused.ok() || refused.error().code == ErrorCode::kLimitExceeded);

  Constants steps;
  steps.ones("x_t", {1 << 16, 1, 1}).ones("w", {1, 128, 1}).ones("r", {1, 128, 128});
  steps.add(node("RNN", {"x_t", "w", "r"}, {"", "out"}, {int_attribute("hidden_size", 128)}));
  EXPECT_EQ(left_to_the_run(steps.result("out"))["RNN"], 1U);
}

// Dims that depend on elements have to be known to plan what comes after: where finding out takes long, in the run.
TEST(FoldWorkTest, LookingForWhatComesOutIsWorkToo) {
  const auto boxes = [](int64_t count) {
    Constants model;
    model.zeros("boxes", {1, count, 4}).ones("scores", {1, 1, count}).integers("limit", {count});
    model.add(node("NonMaxSuppression", {"boxes", "scores", "limit"}, {"selected"}));
    return model.add(node("Cast", {"selected"}, {"out"}, {int_attribute("to", 1)})).result("out");
  };
  EXPECT_EQ(left_to_the_run(boxes(60'000))["NonMaxSuppression"], 1U);
  EXPECT_EQ(left_to_the_run(boxes(100))["NonMaxSuppression"], 0U);

  Constants unique;
  unique.ones("many", {1 << 18});
  for (int i = 0; i < 100; ++i) unique.add(node("Unique", {"many"}, {"u" + std::to_string(i)}));
  std::vector<std::string> all;
  for (int i = 0; i < 100; ++i) all.push_back("u" + std::to_string(i));
  unique.add(node("Concat", all, {"out"}, {int_attribute("axis", 0)}));
  EXPECT_GE(left_to_the_run(unique.result("out"))["Unique"], 90U);
}

// What is left to the run can be ended there.
TEST(FoldWorkTest, ARunOfSuchAModelCanBeAborted) {
  Constants model;
  model.zeros("boxes", {1, 60'000, 4}).ones("scores", {1, 1, 60'000}).integers("limit", {60'000});
  model.add(node("NonMaxSuppression", {"boxes", "scores", "limit"}, {"selected"}));
  const auto session = load(model.add(node("Cast", {"selected"}, {"out"}, {int_attribute("to", 1)})).result("out"));
  ASSERT_TRUE(session);
  const std::atomic<bool> cancelled = true;
  const auto aborted = run_any(*session, {{"x", f32({1}, {1})}}, {&cancelled});
  ASSERT_FALSE(aborted.ok());
  EXPECT_EQ(aborted.error().code, ErrorCode::kAborted);
}

}  // namespace
}  // namespace sealedge
