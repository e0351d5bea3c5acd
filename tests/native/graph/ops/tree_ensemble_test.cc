// Trees against the rules of ai.onnx.ml, one node after the other; and what the importer refuses so that walks end.
#include "graph/ops/feature/tree_ensemble.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "typed_ops.h"

namespace sealedge::testing {
namespace {

constexpr auto kLeaf = static_cast<int32_t>(TreeMode::kLeaf);

bool goes_true(double x, double threshold, const TreeNode& node) {
  if (std::isnan(x) && node.missing != 0) return true;
  switch (static_cast<TreeMode>(node.mode)) {
    case TreeMode::kLess:
      return x < threshold;
    case TreeMode::kLessOrEqual:
      return x <= threshold;
    case TreeMode::kGreater:
      return x > threshold;
    case TreeMode::kGreaterOrEqual:
      return x >= threshold;
    case TreeMode::kEqual:
      return x == threshold;
    default:
      return x != threshold;
  }
}

struct Forest {
  std::vector<TreeNode> nodes;
  std::vector<int32_t> roots, shares;
  std::vector<float> thresholds, weights;
};

// Grows a node at the end of the table; returns its place.
int32_t grow(RandomCase* random, Forest* forest, int depth, int32_t features, int32_t targets) {
  const auto place = static_cast<int32_t>(forest->nodes.size());
  forest->nodes.push_back({.feature = 0, .mode = kLeaf, .missing = 0, .true_child = 0, .false_child = 0});
  forest->thresholds.push_back(static_cast<float>(random->between(-2, 2)));
  TreeNode node = forest->nodes.back();
  if (depth == 0) {
    node.true_child = static_cast<int32_t>(forest->shares.size());
    for (int64_t share = random->between(0, 3); share > 0; --share) {
      forest->shares.push_back(static_cast<int32_t>(random->between(0, targets - 1)));
      forest->weights.push_back(random->floats(1)[0]);
    }
    node.false_child = static_cast<int32_t>(forest->shares.size());
  } else {
    node.feature = static_cast<int32_t>(random->between(0, features - 1));
    node.mode = static_cast<int32_t>(random->between(0, 5));
    node.missing = static_cast<int32_t>(random->between(0, 1));
    node.true_child = grow(random, forest, depth - 1, features, targets);
    node.false_child = grow(random, forest, depth - 1, features, targets);
  }
  forest->nodes[static_cast<size_t>(place)] = node;
  return place;
}

std::vector<TestTensor> inputs_of(const TestTensor& x, const Forest& forest, const std::vector<float>& base) {
  const auto count = [](const auto& list) { return static_cast<int64_t>(list.size()); };
  std::vector<int32_t> table(forest.nodes.size() * kTreeNodeInts);
  if (!table.empty()) std::memcpy(table.data(), forest.nodes.data(), table.size() * sizeof(int32_t));
  const auto i32 = [](Dims dims, const std::vector<int32_t>& values) {
    return tensor_of(DataType::kInt32, std::move(dims), values);
  };
  return {x,
          i32({count(forest.nodes), kTreeNodeInts}, table),
          f32({count(forest.thresholds)}, forest.thresholds),
          i32({count(forest.roots)}, forest.roots),
          i32({count(forest.shares)}, forest.shares),
          f32({count(forest.weights)}, forest.weights),
          base.empty() ? TestTensor{} : f32({count(base)}, base)};
}

template <typename T>
void trees_follow_the_rules() {
  RandomCase random(11);
  for (int run = 0; run < 60; ++run) {
    const auto features = static_cast<int32_t>(random.between(1, 4)),
               targets = static_cast<int32_t>(random.between(1, 3));
    Forest forest;
    for (int64_t tree = random.between(0, 4); tree > 0; --tree) {
      forest.roots.push_back(grow(&random, &forest, static_cast<int>(random.between(0, 3)), features, targets));
    }
    const int64_t rows = random.between(0, 4);
    std::vector<double> values;
    for (int64_t i = 0; i < rows * features; ++i) {
      const bool special = kIsFloating<T> && random.between(0, 7) == 0;
      values.push_back(special ? (random.between(0, 1) == 0 ? std::nan("") : HUGE_VAL)
                               : static_cast<double>(random.between(-3, 3)));
    }
    const std::vector<float> base = random.floats(static_cast<size_t>(random.between(0, 1) * targets));
    const auto aggregate = static_cast<TreeAggregate>(random.between(0, 3));
    const OpPtr op = make_tree_ensemble({.targets = targets, .aggregate = aggregate});
    const TestTensor got = typed_ok(op, inputs_of(typed<T, double>({rows, features}, values), forest, base))[0];
    ASSERT_EQ(got.dims, (Dims{rows, targets}));
    for_each_index(got.dims, [&](const Dims& at) {
      std::vector<double> said;
      for (int32_t root : forest.roots) {
        TreeNode node = forest.nodes[static_cast<size_t>(root)];
        for (auto place = static_cast<size_t>(root); node.mode != kLeaf; node = forest.nodes[place]) {
          const double x = values[static_cast<size_t>(at[0] * features + node.feature)];
          const bool yes = goes_true(x, static_cast<double>(forest.thresholds[place]), node);
          place = static_cast<size_t>(yes ? node.true_child : node.false_child);
        }
        for (auto share = static_cast<size_t>(node.true_child); share < static_cast<size_t>(node.false_child);
             ++share) {
          if (forest.shares[share] == at[1]) said.push_back(static_cast<double>(forest.weights[share]));
        }
      }
      double want = std::accumulate(said.begin(), said.end(), 0.0);
      if (aggregate == TreeAggregate::kMin && !said.empty()) want = *std::min_element(said.begin(), said.end());
      if (aggregate == TreeAggregate::kMax) want = said.empty() ? 0 : *std::max_element(said.begin(), said.end());
      if (aggregate == TreeAggregate::kAverage && !forest.roots.empty())
        want /= static_cast<double>(forest.roots.size());
      if (!base.empty()) want += static_cast<double>(base[static_cast<size_t>(at[1])]);
      EXPECT_NEAR(static_cast<double>(got.floats()[flat_index(got.dims, at)]), want, 1e-5);
    });
  }
}

TEST(TreeEnsemble, FollowsTheRules) {
  trees_follow_the_rules<float>();
  trees_follow_the_rules<double>();
  trees_follow_the_rules<int32_t>();
  trees_follow_the_rules<int64_t>();
}

TEST(TreeEnsemble, Refusals) {
  Forest stump;
  stump.nodes = {{.feature = 2, .mode = 0, .missing = 0, .true_child = 1, .false_child = 2},
                 {.feature = 0, .mode = kLeaf, .missing = 0, .true_child = 0, .false_child = 1},
                 {.feature = 0, .mode = kLeaf, .missing = 0, .true_child = 1, .false_child = 1}};
  stump.roots = {0};
  stump.thresholds = {0, 0, 0};
  stump.shares = {0};
  stump.weights = {5};
  EXPECT_EQ(typed_ok(make_tree_ensemble({}), inputs_of(f32({3}, {0, 0, -1}), stump, {}))[0].floats(),
            (std::vector<float>{5}));
  typed_error(make_tree_ensemble({}), inputs_of(f32({1, 2}, {0, 0}), stump, {}), ErrorCode::kShapeMismatch,
              "feature 2");
  typed_error(make_tree_ensemble({}), inputs_of(f32({1, 1, 3}, {0, 0, 0}), stump, {}), ErrorCode::kShapeMismatch,
              "rank");
  typed_error(make_tree_ensemble({}), inputs_of(boolean({1, 3}, {0, 0, 0}), stump, {}), ErrorCode::kOpUnsupported,
              "bool");
}

}  // namespace
}  // namespace sealedge::testing
