#include "graph/plan.h"

#include <gtest/gtest.h>

namespace sealedge {
namespace {

// One node whose input 0 is a constant of the given type in secret memory, input 1 the graph's input.
Result<std::unique_ptr<const Plan>> plan_one(const OpPtr& op, DataType constant_type, ConstantStore* store,
                                             const TensorFact& input) {
  Graph graph;
  Value constant;
  constant.fact = {constant_type, {8, 8}};
  constant.constant = std::make_shared<Constant>();
  constant.constant->fact = constant.fact;
  constant.constant->data = *store->allocate(*checked_size_bytes(constant.fact));
  Node node;
  node.op = op;
  node.inputs = {graph.add_value(constant), graph.add_value({})};
  node.outputs = {graph.add_value({})};
  graph.inputs = {node.inputs[1]};
  graph.outputs = {node.outputs[0]};
  graph.nodes = {node};
  DerivedConstants derived(store);
  PlanOptions options;
  options.constants = store->kind();
  return make_plan(graph, {{.fact = input}}, &derived, options);
}

TEST(PlanTest, ActivationsThatMayHoldSealedWeightsAreSecret) {
  const TensorFact indices{DataType::kInt64, {2}};
  const TensorFact matrix{DataType::kFloat32, {8, 8}};
  struct Case {
    OpPtr op;
    DataType constant;
    TensorFact input;
    bool secret;
  };
  const Case cases[] = {
      {make_gather(0), DataType::kFloat32, indices, true},  // rows of an embedding
      {make_gather(0), DataType::kInt64, indices, false},   // a table of indices is no weight
      {make_concat(0), DataType::kFloat32, matrix, true},   // a learned token beside the input
      {make_binary(BinaryKind::kMul), DataType::kFloat32, matrix, false},
      {make_binary(BinaryKind::kMax), DataType::kFloat32, matrix, true},
      {make_matmul(false), DataType::kFloat32, matrix,
       true},  // packed in scratch: a weight on the left is not sealed so
  };
  for (const Case& c : cases) {
    ConstantStore secret(ConstantStore::Kind::kSecret);
    const auto plan = plan_one(c.op, c.constant, &secret, c.input);
    ASSERT_TRUE(plan.ok()) << plan.error().message;
    EXPECT_EQ((*plan)->arena_is_secret, c.secret) << c.op->op_type();
    ConstantStore ordinary(ConstantStore::Kind::kOrdinary);
    const auto plain = plan_one(c.op, c.constant, &ordinary, c.input);
    ASSERT_TRUE(plain.ok());
    EXPECT_FALSE((*plain)->arena_is_secret);
  }
}

TEST(PlanTest, ConstantsAreAlignedPaddedAndZero) {
  ConstantStore store(ConstantStore::Kind::kSecret);
  std::vector<uint8_t*> all;
  for (size_t size : {1ul, 0ul, 64ul, 65ul, 5000ul, 300000ul, 100ul, 200000ul, 7ul}) {
    const auto data = store.allocate(size);
    ASSERT_TRUE(data.ok());
    EXPECT_EQ(reinterpret_cast<uintptr_t>(*data) % 64, 0u);
    const size_t rounded = std::max<size_t>((size + 63) / 64 * 64, 64);
    for (size_t i = 0; i < rounded; ++i) ASSERT_EQ((*data)[i], 0) << size;
    std::fill_n(*data, rounded, uint8_t{0xee});  // would show up in a later one that overlapped
  }
  EXPECT_FALSE(store.allocate(SIZE_MAX).ok());
}

}  // namespace
}  // namespace sealedge
