// Which Pads become padding of the operator behind them, and which stay.
#include "graph/passes/merge_pads.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "graph/constant_store.h"
#include "graph/ops/op_parameters.h"

namespace sealedge {
namespace {

class MergePadsTest : public ::testing::Test {
 protected:
  MergePadsTest() : store_(ConstantStore::Kind::kOrdinary) {
    x_ = add({1, 4, 8, 8});
    graph_.inputs = {x_};
  }

  ValueId add(Dims dims) {
    Value value;
    value.fact = {DataType::kFloat32, std::move(dims)};
    return graph_.add_value(value);
  }
  template <typename T>
  ValueId constant(DataType type, Dims dims, const std::vector<T>& values) {
    Value value;
    value.fact = {type, std::move(dims)};
    value.constant = std::make_shared<Constant>();
    value.constant->fact = value.fact;
    auto* data = *store_.allocate(values.size() * sizeof(T));
    std::memcpy(data, values.data(), values.size() * sizeof(T));
    value.constant->data = data;
    return graph_.add_value(value);
  }
  ValueId node(const OpPtr& op, std::vector<ValueId> inputs) {
    Node made;
    made.op = op;
    made.inputs = std::move(inputs);
    const auto facts = op->infer(operands_of(graph_, made.inputs));
    EXPECT_TRUE(facts.ok()) << facts.error().message;
    made.outputs = {add((*facts)[0].dims)};
    graph_.nodes.push_back(made);
    return made.outputs[0];
  }
  ValueId pad(ValueId from, const std::vector<int64_t>& pads, const std::string& mode = "constant",
              ValueId value = kNoValue) {
    const auto count = static_cast<int64_t>(pads.size());
    std::vector<ValueId> inputs = {from, constant(DataType::kInt64, {count}, pads)};
    if (value != kNoValue) inputs.push_back(value);
    return node(make_pad(mode), inputs);
  }
  ValueId scalar(float value) { return constant<float>(DataType::kFloat32, {}, {value}); }
  ValueId conv(ValueId from, WindowAttributes window) {
    return node(make_conv(std::move(window), 1), {from, add({2, 4, 3, 3})});
  }

  // The pads of the one node that is left, or nothing when the Pad stayed.
  std::vector<int64_t> merged(ValueId output) {
    graph_.outputs = {output};
    merge_pads(&graph_);
    graph_.remove_dead_nodes();
    if (graph_.nodes.size() != 1) return {};
    EXPECT_EQ(graph_.nodes[0].inputs[0], x_);
    const auto found = as_conv(*graph_.nodes[0].op);
    return found ? found->window.pads : as_pool(*graph_.nodes[0].op)->window->pads;
  }

  Graph graph_;
  ConstantStore store_;
  ValueId x_;
};

TEST_F(MergePadsTest, OfAConvolution) {
  EXPECT_EQ(merged(conv(pad(x_, {0, 0, 1, 2, 0, 0, 3, 4}), {})), (std::vector<int64_t>{1, 2, 3, 4}));
}

TEST_F(MergePadsTest, AddToItsOwn) {
  EXPECT_EQ(merged(conv(pad(x_, {0, 0, 1, 2, 0, 0, 3, 4}, "constant", scalar(0)), {.pads = {1, 1, 0, 0}})),
            (std::vector<int64_t>{2, 3, 3, 4}));
}

TEST_F(MergePadsTest, ValidHasNone) {
  EXPECT_EQ(merged(conv(pad(x_, {0, 0, 1, 2, 0, 0, 3, 4}), {.pads = {9, 9, 9, 9}, .auto_pad = AutoPad::kValid})),
            (std::vector<int64_t>{1, 2, 3, 4}));
}

TEST_F(MergePadsTest, OneAfterTheOther) {
  const ValueId once = pad(x_, {0, 0, 1, 0, 0, 0, 0, 0});
  EXPECT_EQ(merged(conv(pad(once, {0, 0, 0, 0, 0, 0, 2, 0}), {})), (std::vector<int64_t>{1, 0, 2, 0}));
}

TEST_F(MergePadsTest, StaysWhereItIsNoPaddingOfTheWindow) {
  EXPECT_TRUE(merged(conv(pad(x_, {0, 0, 1, 1, 0, 0, 1, 1}, "constant", scalar(1)), {})).empty());
  EXPECT_TRUE(merged(conv(pad(x_, {0, 0, 1, 1, 0, 0, 1, 1}, "constant", scalar(-0.0F)), {})).empty());
  EXPECT_TRUE(merged(conv(pad(x_, {0, 0, 1, 1, 0, 0, 1, 1}, "edge"), {})).empty());
  EXPECT_TRUE(merged(conv(pad(x_, {0, 0, -1, 1, 0, 0, 1, 1}), {})).empty());
  EXPECT_TRUE(merged(conv(pad(x_, {1, 0, 1, 1, 0, 0, 1, 1}), {})).empty());
  EXPECT_TRUE(merged(conv(pad(x_, {0, 0, 1, 1, 0, 0, 1, 1}), {.auto_pad = AutoPad::kSameUpper})).empty());
}

TEST_F(MergePadsTest, MoreThanAnOperatorTakesStays) {
  const int64_t large = (int64_t{1} << 31) - 1;
  ValueId thin = add({1, 4, 8, 0});
  graph_.inputs = {x_, thin};
  const ValueId padded = pad(thin, {0, 0, 0, 0, 0, 0, 0, 3});
  conv(padded, {.pads = {0, 0, 0, 0}});
  const auto found = as_conv(*graph_.nodes.back().op);
  ASSERT_TRUE(found);
  Node wide = graph_.nodes.back();
  wide.op = make_conv({.pads = {0, 0, 0, large}}, 1);
  graph_.nodes.back() = wide;
  graph_.outputs = {wide.outputs[0]};
  merge_pads(&graph_);
  EXPECT_EQ(graph_.nodes.size(), 2U);
}

TEST_F(MergePadsTest, OfAnAverageThatCountsThem) {
  const WindowAttributes window = {.kernel_shape = {3, 3}, .pads = {1, 1, 1, 1}};
  EXPECT_EQ(merged(node(make_pool(PoolKind::kAverage, window, false, true), {pad(x_, {0, 0, 1, 0, 0, 0, 0, 0})})),
            (std::vector<int64_t>{2, 1, 1, 1}));
}

TEST_F(MergePadsTest, OfAnAverageWithoutPaddingOfItsOwn) {
  const WindowAttributes window = {.kernel_shape = {3, 3}};
  EXPECT_EQ(merged(node(make_pool(PoolKind::kAverage, window, false, false), {pad(x_, {0, 0, 1, 0, 0, 0, 0, 0})})),
            (std::vector<int64_t>{1, 0, 0, 0}));
  EXPECT_TRUE(as_pool(*graph_.nodes[0].op)->count_include_pad);
}

TEST_F(MergePadsTest, StayBeforeOtherPools) {
  const WindowAttributes padded = {.kernel_shape = {3, 3}, .pads = {1, 1, 1, 1}};
  const auto pool = [&](PoolKind kind, bool ceil_mode) {
    return merged(node(make_pool(kind, padded, ceil_mode, false), {pad(x_, {0, 0, 1, 0, 0, 0, 0, 0})}));
  };
  EXPECT_TRUE(pool(PoolKind::kAverage, false).empty());  // does not count its own
  EXPECT_TRUE(pool(PoolKind::kAverage, true).empty());
  EXPECT_TRUE(pool(PoolKind::kMax, false).empty());  // whose padding is no zero
}

}  // namespace
}  // namespace sealedge
