// Which products become an activation of the node before them, and which do not.
#include <gtest/gtest.h>

#include <cstring>

#include "graph/passes/fusion.h"

namespace sealedge {
namespace {

// A product of two matrices, and whatever a test puts after it.
class GateTest : public ::testing::Test {
 protected:
  GateTest() : store_(ConstantStore::Kind::kOrdinary), derived_(&store_) {
    a_ = add(), b_ = add();
    graph_.inputs = {a_, b_};
    x_ = node(make_gemm(false, false), {a_, b_});
  }

  ValueId add(Dims dims = {4, 4}) {
    Value value;
    value.fact = {DataType::kFloat32, std::move(dims)};
    return graph_.add_value(value);
  }
  ValueId node(const OpPtr& op, std::vector<ValueId> inputs, Dims dims = {4, 4}) {
    Node made;
    made.op = op;
    made.inputs = std::move(inputs);
    made.outputs = {add(std::move(dims))};
    graph_.nodes.push_back(made);
    return made.outputs[0];
  }
  ValueId scalar(float v, Dims dims = {}) {
    Value value;
    value.fact = {DataType::kFloat32, std::move(dims)};
    value.constant = std::make_shared<Constant>();
    value.constant->fact = value.fact;
    auto* data = *store_.allocate(sizeof v);
    std::memcpy(data, &v, sizeof v);
    value.constant->data = data;
    return graph_.add_value(value);
  }
  ValueId binary(BinaryKind kind, ValueId a, ValueId b, Dims dims = {4, 4}) {
    return node(make_binary(kind), {a, b}, std::move(dims));
  }
  ValueId relu6_of_three_more(ValueId x) {
    return node(make_clip(), {binary(BinaryKind::kAdd, x, scalar(3)), scalar(0), scalar(6)});
  }

  // The activation of the one node that is left, or kNone.
  Activation::Kind fused(ValueId output) {
    graph_.outputs = {output};
    EXPECT_TRUE(fuse_epilogues(&graph_, &derived_).ok());
    if (graph_.nodes.size() != 1) return Activation::Kind::kNone;
    EXPECT_EQ(graph_.nodes[0].outputs[0], output);
    return graph_.nodes[0].activation.kind;
  }

  Graph graph_;
  ConstantStore store_;
  DerivedConstants derived_;
  ValueId a_, b_, x_;
};

TEST_F(GateTest, Silu) {
  EXPECT_EQ(fused(binary(BinaryKind::kMul, x_, node(make_unary(UnaryKind::kSigmoid), {x_}))), Activation::Kind::kSilu);
}
TEST_F(GateTest, SiluOtherWayRound) {
  EXPECT_EQ(fused(binary(BinaryKind::kMul, node(make_unary(UnaryKind::kSigmoid), {x_}), x_)), Activation::Kind::kSilu);
}
TEST_F(GateTest, HardSwishByHardSigmoid) {
  const ValueId gate = node(make_unary(UnaryKind::kHardSigmoid, 1.0f / 6, 0.5f), {x_});
  EXPECT_EQ(fused(binary(BinaryKind::kMul, x_, gate)), Activation::Kind::kHardSwish);
}
TEST_F(GateTest, HardSwishByClipAndDivision) {
  const ValueId product = binary(BinaryKind::kMul, x_, relu6_of_three_more(x_));
  EXPECT_EQ(fused(binary(BinaryKind::kDiv, product, scalar(6))), Activation::Kind::kHardSwish);
}
TEST_F(GateTest, HardSwishByClipAndMultiplication) {
  const ValueId product = binary(BinaryKind::kMul, relu6_of_three_more(x_), x_);
  EXPECT_EQ(fused(binary(BinaryKind::kMul, scalar(1.0f / 6), product)), Activation::Kind::kHardSwish);
}

TEST_F(GateTest, OtherConstants) {
  const ValueId gate = node(make_unary(UnaryKind::kHardSigmoid, 0.2f, 0.5f), {x_});
  EXPECT_EQ(fused(binary(BinaryKind::kMul, x_, gate)), Activation::Kind::kNone);
}
TEST_F(GateTest, OtherDivisor) {
  const ValueId product = binary(BinaryKind::kMul, x_, relu6_of_three_more(x_));
  EXPECT_EQ(fused(binary(BinaryKind::kDiv, product, scalar(5))), Activation::Kind::kNone);
}
TEST_F(GateTest, SixDividedByTheProduct) {
  const ValueId product = binary(BinaryKind::kMul, x_, relu6_of_three_more(x_));
  EXPECT_EQ(fused(binary(BinaryKind::kDiv, scalar(6), product)), Activation::Kind::kNone);
}
TEST_F(GateTest, GateOfSomethingElse) {
  EXPECT_EQ(fused(binary(BinaryKind::kMul, x_, node(make_unary(UnaryKind::kSigmoid), {a_}))), Activation::Kind::kNone);
}
TEST_F(GateTest, AnotherReader) {
  const ValueId silu = binary(BinaryKind::kMul, x_, node(make_unary(UnaryKind::kSigmoid), {x_}));
  EXPECT_EQ(fused(binary(BinaryKind::kMax, silu, x_)), Activation::Kind::kNone);
}
TEST_F(GateTest, DivisorWithMoreDimensions) {
  const ValueId product = binary(BinaryKind::kMul, x_, relu6_of_three_more(x_));
  EXPECT_EQ(fused(binary(BinaryKind::kDiv, product, scalar(6, {1, 1, 1}), {1, 4, 4})), Activation::Kind::kNone);
}

}  // namespace
}  // namespace sealedge
