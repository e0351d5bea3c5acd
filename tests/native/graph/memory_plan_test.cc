#include "graph/memory_plan.h"

#include <gtest/gtest.h>

#include <random>

#include "graph/arena_layout.h"

namespace sealedge {
namespace {

TEST(ArenaLayoutTest, ReusesAndJoinsWhatIsGivenBack) {
  ArenaLayout arena;
  const size_t a = arena.take(100);  // 128
  const size_t b = arena.take(64);
  const size_t c = arena.take(0);  // one unit, so that every tensor has an address
  EXPECT_EQ(a, 0u);
  EXPECT_EQ(b, 128u);
  EXPECT_EQ(c, 192u);
  arena.give_back(a, 100);
  arena.give_back(b, 64);
  EXPECT_EQ(arena.take(192), 0u) << "two neighbours make one";
  arena.give_back(c, 0);
  EXPECT_EQ(arena.take(640), 192u) << "grows from the free end";
  EXPECT_EQ(arena.size_bytes(), 192u + 640u);
  EXPECT_EQ(arena.take(SIZE_MAX), SIZE_MAX);
  EXPECT_EQ(arena.take(SIZE_MAX - 64), SIZE_MAX);
}

TEST(ArenaLayoutTest, RangesInUseNeverOverlap) {
  std::mt19937 random(4);
  ArenaLayout arena;
  std::vector<std::pair<size_t, size_t>> used;  // offset, size
  for (int i = 0; i < 5000; ++i) {
    if (!used.empty() && random() % 2 == 0) {
      const size_t at = random() % used.size();
      arena.give_back(used[at].first, used[at].second);
      used.erase(used.begin() + static_cast<ptrdiff_t>(at));
      continue;
    }
    const size_t size = random() % 1000;
    const size_t offset = arena.take(size);
    ASSERT_EQ(offset % ArenaLayout::kAlignment, 0u);
    ASSERT_LE(offset + size, arena.size_bytes());
    for (const auto& [other, other_size] : used) {
      ASSERT_TRUE(offset >= other + std::max<size_t>(other_size, 1) || other >= offset + std::max<size_t>(size, 1));
    }
    used.emplace_back(offset, size);
  }
}

// A graph of unary nodes over equal vectors: x -> v1 -> v2 ..., inputs by index of an earlier value.
Graph chain(const std::vector<std::vector<ValueId>>& node_inputs, const std::vector<OpPtr>& ops) {
  Graph graph;
  Value value;
  value.fact = {DataType::kFloat32, {256}};
  graph.inputs.push_back(graph.add_value(value));
  for (size_t i = 0; i < node_inputs.size(); ++i) {
    Node node;
    node.op = ops[i];
    node.inputs = node_inputs[i];
    node.outputs.push_back(graph.add_value(value));
    graph.nodes.push_back(std::move(node));
  }
  graph.outputs.push_back(static_cast<ValueId>(graph.values.size() - 1));
  return graph;
}

TEST(MemoryPlanTest, ElementwiseChainsRunInPlace) {
  const OpPtr relu = make_unary(UnaryKind::kRelu);
  const Graph graph = chain({{0}, {1}, {2}, {3}}, {relu, relu, relu, relu});
  const auto plan = plan_memory(graph, {0, 0, 0, 0}, SIZE_MAX);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->arena_bytes, 1024u);
  EXPECT_EQ(plan->values[0].kind, Location::Kind::kInput) << "the caller's memory is never written";
  EXPECT_EQ(plan->values[4].offset_bytes, plan->values[1].offset_bytes);
}

TEST(MemoryPlanTest, WhatIsStillReadIsNotOverwritten) {
  const OpPtr relu = make_unary(UnaryKind::kRelu);
  const OpPtr add = make_binary(BinaryKind::kAdd);
  // v1 = f(x), v2 = f(v1), v3 = v1 + v2: v2 must not lie on v1.
  const Graph graph = chain({{0}, {1}, {1, 2}}, {relu, relu, add});
  const auto plan = plan_memory(graph, {0, 0, 0}, SIZE_MAX);
  ASSERT_TRUE(plan.ok());
  EXPECT_NE(plan->values[1].offset_bytes, plan->values[2].offset_bytes);
  EXPECT_EQ(plan->arena_bytes, 2048u);
}

TEST(MemoryPlanTest, ViewsKeepTheirSourceAlive) {
  const OpPtr relu = make_unary(UnaryKind::kRelu);
  const OpPtr identity = make_identity();
  const OpPtr add = make_binary(BinaryKind::kAdd);
  // v1 = f(x), v2 = view of v1, v3 = f(v1), v4 = v2 + v3
  const Graph graph = chain({{0}, {1}, {1}, {2, 3}}, {relu, identity, relu, add});
  const auto plan = plan_memory(graph, {0, 0, 0, 0}, SIZE_MAX);
  ASSERT_TRUE(plan.ok());
  EXPECT_TRUE(plan->is_view[1]);
  EXPECT_EQ(plan->values[2].offset_bytes, plan->values[1].offset_bytes);
  EXPECT_NE(plan->values[3].offset_bytes, plan->values[1].offset_bytes);
}

TEST(MemoryPlanTest, ScratchLiesBesideWhatTheNodeUses) {
  const OpPtr relu = make_unary(UnaryKind::kRelu);
  const Graph graph = chain({{0}, {1}}, {relu, relu});
  const auto plan = plan_memory(graph, {0, 512}, SIZE_MAX);
  ASSERT_TRUE(plan.ok());
  EXPECT_GE(plan->scratch_offsets[1], 1024u);
  EXPECT_EQ(plan->arena_bytes, 1536u);
  EXPECT_EQ(plan_memory(graph, {0, 512}, 1535).error().code, ErrorCode::kLimitExceeded);
}

TEST(MemoryPlanTest, LongChainsStaySmall) {
  const size_t length = 100000;
  std::vector<std::vector<ValueId>> inputs;
  for (size_t i = 0; i < length; ++i) inputs.push_back({static_cast<ValueId>(i)});
  const Graph graph = chain(inputs, std::vector<OpPtr>(length, make_unary(UnaryKind::kRelu)));
  const auto plan = plan_memory(graph, std::vector<size_t>(length, 0), SIZE_MAX);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->arena_bytes, 1024u);
}

}  // namespace
}  // namespace sealedge
