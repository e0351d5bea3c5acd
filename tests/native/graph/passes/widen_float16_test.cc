// Which nodes of a float16 graph compute in float32, and where values are cast.
#include "graph/passes/widen_float16.h"

#include <gtest/gtest.h>

#include <cstring>

#include "core/float16.h"

namespace sealedge {
namespace {

class WidenTest : public ::testing::Test {
 protected:
  WidenTest() : store_(ConstantStore::Kind::kSecret), plan_store_(ConstantStore::Kind::kSecret), derived_(&store_) {
    x_ = add(DataType::kFloat16, {4, 4});
    graph_.inputs = {x_};
  }

  ValueId add(DataType type, Dims dims) {
    Value value;
    value.fact = {type, std::move(dims)};
    return graph_.add_value(value);
  }
  ValueId weight(Dims dims) {
    const ValueId id = add(DataType::kFloat16, std::move(dims));
    auto constant = std::make_shared<Constant>();
    constant->fact = graph_.values[id].fact;
    constant->source = id;
    const auto count = static_cast<size_t>(element_count(constant->fact.dims));
    uint8_t* data = *store_.allocate(2 * count);
    for (size_t i = 0; i < count; ++i) {
      const Float16 value(static_cast<double>(i) + 0.5);
      std::memcpy(data + 2 * i, &value, 2);
    }
    constant->data = data;
    graph_.values[id].constant = std::move(constant);
    return id;
  }
  ValueId node(const OpPtr& op, std::vector<ValueId> inputs, DataType type = DataType::kFloat16, Dims dims = {4, 4}) {
    Node made;
    made.op = op;
    made.inputs = std::move(inputs);
    made.outputs = {add(type, std::move(dims))};
    graph_.nodes.push_back(made);
    return made.outputs[0];
  }
  ValueId product(ValueId x) { return node(make_matmul(false), {x, weight({4, 4})}); }

  // What runs, with the type of its output: "Cast:float32 MatMul:float32".
  std::string widened(std::vector<ValueId> outputs) {
    graph_.outputs = std::move(outputs);
    EXPECT_TRUE(widen_float16(&graph_, &derived_, &plan_store_).ok());
    std::string all;
    std::vector<bool> made(graph_.values.size(), false);
    made[x_] = true;
    for (const Node& each : graph_.nodes) {
      for (ValueId id : each.inputs) EXPECT_TRUE(made[id] || graph_.values[id].constant) << each.op->op_type();
      for (ValueId id : each.outputs) made[id] = true;
      if (!all.empty()) all += ' ';
      all += each.op->op_type();
      all += std::string(":") + data_type_name(graph_.values[each.outputs[0]].fact.type);
    }
    for (ValueId id : graph_.outputs) EXPECT_TRUE(made[id]);
    return all;
  }

  Graph graph_;
  ConstantStore store_;
  ConstantStore plan_store_;
  DerivedConstants derived_;
  ValueId x_;
};

TEST_F(WidenTest, CastsAtTheBordersOnly) {
  EXPECT_EQ(widened({node(make_unary(UnaryKind::kRelu), {product(product(x_))})}),
            "Cast:float32 MatMul:float32 MatMul:float32 Relu:float32 Cast:float16");
}

TEST_F(WidenTest, LeavesGraphsWithoutProductsAlone) {
  EXPECT_EQ(widened({node(make_unary(UnaryKind::kRelu), {x_})}), "Relu:float16");
}

TEST_F(WidenTest, AnExplicitCastRounds) {
  const ValueId rounded = node(make_cast(DataType::kFloat32), {product(x_)}, DataType::kFloat32);
  EXPECT_EQ(widened({rounded}), "Cast:float32 MatMul:float32 Cast:float16 Cast:float32");
}

// What makes float16 of another type rounds as well: the result is not to be more exact than the model has it.
TEST_F(WidenTest, ACastLikeRounds) {
  const ValueId other = add(DataType::kFloat32, {4, 4});
  graph_.inputs.push_back(other);
  graph_.outputs = {node(make_cast_like(), {other, product(x_)})};
  ASSERT_TRUE(widen_float16(&graph_, &derived_, &plan_store_).ok());
  const Node& last = graph_.nodes.back();
  EXPECT_STREQ(last.op->op_type(), "CastLike");
  EXPECT_EQ(graph_.values[last.outputs[0]].fact.type, DataType::kFloat16);
}

// One weight under two shapes: packed for one, it is not what the other reads.
TEST_F(WidenTest, AViewOfAWeightIsNotThatWeight) {
  const ValueId w = weight({4, 4}), view = add(DataType::kFloat16, {2, 8}), left = add(DataType::kFloat16, {4, 2});
  graph_.values[view].constant = graph_.values[w].constant;
  graph_.inputs.push_back(left);
  graph_.outputs = {node(make_matmul(false), {x_, w}),
                    node(make_matmul(false), {left, view}, DataType::kFloat16, {4, 8})};
  ASSERT_TRUE(widen_float16(&graph_, &derived_, &plan_store_).ok());
  const auto weight_of = [&](size_t i) { return graph_.values[graph_.nodes[i].inputs[1]]; };
  EXPECT_EQ(weight_of(1).constant->packed.size(), 1u);
  ASSERT_TRUE(weight_of(3).constant->data);
  EXPECT_EQ(weight_of(3).fact.dims, (Dims{2, 8}));
}

TEST_F(WidenTest, ShapesAreReadWithoutACast) {
  const ValueId shape = node(make_shape(0, std::nullopt), {product(x_)}, DataType::kInt64, {2});
  EXPECT_EQ(widened({shape}), "Cast:float32 MatMul:float32 Shape:int64");
}

TEST_F(WidenTest, ATableIsNotWidened) {
  const ValueId rows = add(DataType::kInt64, {4});
  graph_.inputs.push_back(rows);
  const ValueId table = weight({100, 4});
  const ValueId found = node(make_gather(0), {table, rows});
  graph_.outputs = {product(found)};
  ASSERT_TRUE(widen_float16(&graph_, &derived_, &plan_store_).ok());
  ASSERT_EQ(graph_.nodes.size(), 4u);
  EXPECT_EQ(graph_.nodes[0].inputs[0], table);
  EXPECT_STREQ(graph_.nodes[1].op->op_type(), "Cast");
}

TEST_F(WidenTest, WeightsArePackedOnceForAllPlans) {
  const ValueId y = product(x_);
  graph_.outputs = {y};
  Graph other = graph_;
  ASSERT_TRUE(widen_float16(&graph_, &derived_, &plan_store_).ok());
  const size_t allocated = store_.allocated_bytes();
  ASSERT_TRUE(widen_float16(&other, &derived_, &plan_store_).ok());
  EXPECT_EQ(store_.allocated_bytes(), allocated);
  const Node& matmul = graph_.nodes[1];
  const Value& weight = graph_.values[matmul.inputs[1]];
  ASSERT_TRUE(weight.constant);
  EXPECT_EQ(weight.fact.type, DataType::kFloat32);
  EXPECT_EQ(weight.constant->data, nullptr);
  EXPECT_EQ(weight.constant->packed.size(), 1u);
  EXPECT_EQ(weight.constant, other.values[other.nodes[1].inputs[1]].constant);
}

// A mask of the run's length, say: the model would gather one for every shape met.
TEST_F(WidenTest, WhatPlanningComputedStaysWithThePlan) {
  const ValueId mask = weight({4, 4});
  graph_.values[mask].constant->source = SIZE_MAX;
  graph_.outputs = {node(make_binary(BinaryKind::kAdd), {product(x_), mask})};
  const size_t before = plan_store_.allocated_bytes();
  ASSERT_TRUE(widen_float16(&graph_, &derived_, &plan_store_).ok());
  EXPECT_GT(plan_store_.allocated_bytes(), before);
  const Value& wide = graph_.values[graph_.nodes[2].inputs[1]];
  ASSERT_TRUE(wide.constant && wide.constant->data);
  EXPECT_EQ(wide.fact.type, DataType::kFloat32);
}

// What planning computed is widened once, however many nodes read it.
TEST_F(WidenTest, WhatPlanningComputedIsWidenedOnce) {
  const ValueId mask = weight({4, 4});
  graph_.values[mask].constant->source = SIZE_MAX;
  ValueId sum = product(x_);
  for (int i = 0; i < 50; ++i) sum = node(make_binary(BinaryKind::kAdd), {sum, mask});
  graph_.outputs = {sum};
  ASSERT_TRUE(widen_float16(&graph_, &derived_, &plan_store_).ok());
  const Node &second = graph_.nodes[2], &last = graph_.nodes[51];
  EXPECT_EQ(second.inputs[1], last.inputs[1]);
  EXPECT_EQ(graph_.values[last.inputs[1]].fact.type, DataType::kFloat32);
}

TEST_F(WidenTest, ElementsAreExact) {
  const ValueId bias = weight({4});
  const ValueId sum = node(make_binary(BinaryKind::kAdd), {product(x_), bias});
  graph_.outputs = {sum};
  ASSERT_TRUE(widen_float16(&graph_, &derived_, &plan_store_).ok());
  const Node& add = graph_.nodes[2];
  const Value& wide = graph_.values[add.inputs[1]];
  ASSERT_TRUE(wide.constant && wide.constant->data);
  for (size_t i = 0; i < 4; ++i) {
    float value;
    std::memcpy(&value, wide.constant->data + i * sizeof value, sizeof value);
    EXPECT_EQ(value, static_cast<float>(i) + 0.5f);
  }
}

}  // namespace
}  // namespace sealedge
