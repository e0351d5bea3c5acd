// Graphs inside graphs, as deep as they may be, where stacks are small: on the secret stack of a sealed session.
#include <gtest/gtest.h>

#include <limits>

#include "memory/secret_stack.h"
#include "run_any.h"

namespace sealedge {
namespace {

using namespace testing;

// `depth` loops inside one another, each of two rounds: the innermost doubles.
ModelBuilder nested_loops(size_t depth) {
  ModelBuilder body;
  for (size_t level = 0; level <= depth; ++level) {
    const std::string at = std::to_string(level);
    const std::string state = "s" + at;
    ModelBuilder graph;
    if (level == 0) {
      graph.add(node("Add", {state, state}, {"r0"}));
    } else {
      graph.add(node("Loop", {"rounds", "", state}, {"r" + at}, {graph_attribute("body", body)}));
    }
    if (level < depth) {
      graph.add(node("Identity", {"go" + at}, {"still" + at}));
      graph.input("i" + at, {}, 7).input("go" + at, {}, 9).input(state, {1}).output("still" + at, 9);
    } else {
      graph.input(state, {1}).constant(int64s("rounds", {}, {2}));
    }
    body = graph.output("r" + at);
  }
  return body;
}

TEST(NestingTest, TheDeepestFitsASecretStack) {
  const size_t depth = ModelLimits{}.max_graph_depth;
  const std::vector<uint8_t> bytes = nested_loops(depth).build();
  std::vector<float> result;
  std::string failure;
  const auto work = [&] {
    const auto session = Session::create_from_bytes(bytes, {});
    if (!session.ok()) {
      failure = session.error().message;
      return;
    }
    const auto outputs = run_any(**session, {{"s" + std::to_string(depth), f32({1}, {1})}});
    if (outputs.ok()) {
      result = (*outputs)[0].values<float>();
    } else {
      failure = outputs.error().message;
    }
  };
  ASSERT_TRUE(run_on_secret_stack(work).ok());
  EXPECT_EQ(failure, "");
  EXPECT_EQ(result, std::vector<float>{std::numeric_limits<float>::infinity()});  // 2 to the 2^16
}

TEST(NestingTest, ADeeperOneIsRefused) {
  const auto session = Session::create_from_bytes(nested_loops(ModelLimits{}.max_graph_depth + 1).build(), {});
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.error().code, ErrorCode::kLimitExceeded);
}

}  // namespace
}  // namespace sealedge
