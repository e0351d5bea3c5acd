// Decision trees: ai.onnx.ml TreeEnsembleRegressor and TreeEnsembleClassifier up to their scores.
#pragma once

#include <cstdint>
#include <memory>

#include "graph/op.h"

namespace sealedge {

using OpPtr = std::shared_ptr<const Op>;

enum class TreeMode : uint8_t { kLess, kLessOrEqual, kGreater, kGreaterOrEqual, kEqual, kNotEqual, kLeaf };
enum class TreeAggregate : uint8_t { kSum, kAverage, kMin, kMax };

// A row of the table of nodes. A leaf has shares: what it adds to which target.
struct TreeNode {
  int32_t feature;
  int32_t mode;         // TreeMode
  int32_t missing;      // not 0: NaN takes the true branch whatever the mode
  int32_t true_child;   // of a leaf: its first share
  int32_t false_child;  // of a leaf: one past its last share
};
inline constexpr int64_t kTreeNodeInts = sizeof(TreeNode) / sizeof(int32_t);

struct TreeEnsembleAttributes {
  int64_t targets = 1;
  TreeAggregate aggregate = TreeAggregate::kSum;
};

// Inputs X (N, C) or (C), and constants that the importer has checked: nodes (int32: the table), thresholds (one for
// each node), roots (int32), shares (int32: a target each, those of a leaf side by side), weights (one for each share),
// base_values (one for each target, or one) optional. Thresholds, weights and base_values are float32 or all float64,
// and so is the output (N, targets). Every walk ends: a walk comes to no node twice.
OpPtr make_tree_ensemble(const TreeEnsembleAttributes& attributes);

}  // namespace sealedge
