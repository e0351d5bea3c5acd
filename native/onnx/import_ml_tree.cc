// op_type -> op: decision trees of ai.onnx.ml. Attributes list the nodes of all trees; here they become one table with
// children by their place in it, checked so that every walk ends at a leaf.
#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <unordered_map>
#include <vector>

#include "core/keyed_hash.h"
#include "graph/ops/feature/tree_ensemble.h"
#include "onnx/import_ml.h"

namespace sealedge {

namespace {

// (tree, node) as the attributes count them.
struct NodeName {
  int64_t tree, node;
  bool operator==(const NodeName&) const = default;
};
// Keyed: a file that puts all its nodes into one bucket would take forever.
struct HashNodeName {
  size_t operator()(const NodeName& name) const {
    return KeyedHash()({reinterpret_cast<const char*>(&name), sizeof name});
  }
};
using Places = std::unordered_map<NodeName, int32_t, HashNodeName>;

bool parse_mode(std::string_view name, TreeMode* mode) {
  static constexpr struct {
    std::string_view name;
    TreeMode mode;
  } kModes[] = {{"BRANCH_LT", TreeMode::kLess},    {"BRANCH_LEQ", TreeMode::kLessOrEqual},
                {"BRANCH_GT", TreeMode::kGreater}, {"BRANCH_GTE", TreeMode::kGreaterOrEqual},
                {"BRANCH_EQ", TreeMode::kEqual},   {"BRANCH_NEQ", TreeMode::kNotEqual},
                {"LEAF", TreeMode::kLeaf}};
  for (const auto& row : kModes) {
    if (row.name != name) continue;
    *mode = row.mode;
    return true;
  }
  return false;
}

struct Forest {
  std::vector<TreeNode> nodes;
  std::vector<int32_t> roots;
  Places places;
};

// The structure without thresholds. Empty after noting an error.
Forest read_forest(NodeImport& node) {
  Forest forest;
  const auto refuse = [&](const std::string& why) {
    node.invalid(why);
    return Forest();
  };
  const std::vector<std::string_view> modes = node.get_strings("nodes_modes");
  const std::vector<int64_t> trees = node.get_ints("nodes_treeids"), ids = node.get_ints("nodes_nodeids");
  const std::vector<int64_t> features = node.get_ints("nodes_featureids");
  const std::vector<int64_t> yes = node.get_ints("nodes_truenodeids"), no = node.get_ints("nodes_falsenodeids");
  const std::vector<int64_t> missing = node.get_ints("nodes_missing_value_tracks_true");
  const size_t count = modes.size();
  const auto is_count = [&](const std::vector<int64_t>& list) { return list.size() == count; };
  if (count == 0 || count > static_cast<size_t>(std::numeric_limits<int32_t>::max()) || !is_count(trees) ||
      !is_count(ids) || !is_count(features) || !is_count(yes) || !is_count(no) ||
      !(missing.empty() || is_count(missing)) || node.count_floats("nodes_values") != count) {
    return refuse("the lists of nodes have different lengths");
  }
  for (size_t i = 0; i < count; ++i) {
    if (!forest.places.try_emplace({trees[i], ids[i]}, static_cast<int32_t>(i)).second) {
      return refuse("node " + std::to_string(ids[i]) + " of tree " + std::to_string(trees[i]) + " is given twice");
    }
  }
  std::vector<bool> has_parent(count, false);
  for (size_t i = 0; i < count; ++i) {
    TreeMode mode;
    if (!parse_mode(modes[i], &mode)) return refuse("unknown mode " + printable(modes[i]));
    TreeNode row = {.feature = 0, .mode = static_cast<int32_t>(mode), .missing = 0, .true_child = 0, .false_child = 0};
    if (mode != TreeMode::kLeaf) {
      if (features[i] < 0 || features[i] > std::numeric_limits<int32_t>::max()) return refuse("a feature is negative");
      row.feature = static_cast<int32_t>(features[i]);
      row.missing = !missing.empty() && missing[i] != 0 ? 1 : 0;
      const auto child = [&](int64_t id, int32_t* place) {
        const auto found = forest.places.find({trees[i], id});
        if (found == forest.places.end() || has_parent[static_cast<size_t>(found->second)]) return false;
        has_parent[static_cast<size_t>(found->second)] = true;
        *place = found->second;
        return true;
      };
      // One node, one parent: with that no walk from a root can come back.
      if (!child(yes[i], &row.true_child) || !child(no[i], &row.false_child)) {
        return refuse("node " + std::to_string(ids[i]) + " of tree " + std::to_string(trees[i]) +
                      ": a child is missing or has two parents");
      }
    }
    forest.nodes.push_back(row);
  }
  // A tree has one root, the first that is listed. What a converter cut off and left in the lists is never reached.
  std::vector<std::pair<int64_t, int32_t>> parentless;  // tree, place
  for (size_t i = 0; i < count; ++i) {
    if (!has_parent[i]) parentless.emplace_back(trees[i], static_cast<int32_t>(i));
  }
  std::sort(parentless.begin(), parentless.end());
  for (size_t i = 0; i < parentless.size(); ++i) {
    if (i == 0 || parentless[i - 1].first != parentless[i].first) forest.roots.push_back(parentless[i].second);
  }
  return forest;
}

ValueId int_table(NodeImport& node, std::span<const int32_t> values, Dims dims) {
  const auto constant = node.new_constant({DataType::kInt32, std::move(dims)});
  if (!values.empty() && constant.id != kNoValue) {
    std::memcpy(constant.bytes.data(), values.data(), values.size_bytes());
  }
  return constant.id;
}

// What the leaves add: attributes <prefix>_treeids, _nodeids, _ids and _weights, in any order.
struct Shares {
  std::vector<int32_t> targets;
  ValueId weights = kNoValue;
  bool any_negative = false;
};

Shares read_shares(NodeImport& node, const std::string& prefix, int64_t targets, Forest* forest) {
  Shares shares;
  const std::vector<int64_t> trees = node.get_ints(prefix + "_treeids"), ids = node.get_ints(prefix + "_nodeids");
  const std::vector<int64_t> to = node.get_ints(prefix + "_ids");
  const std::string weights = prefix + "_weights";
  const size_t count = trees.size();
  if (count == 0 || ids.size() != count || to.size() != count || node.count_floats(weights) != count ||
      count > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    node.invalid("the lists of " + prefix + "es have different lengths");
    return shares;
  }
  std::vector<std::pair<int32_t, size_t>> order;  // leaf, place in the attributes
  for (size_t i = 0; i < count; ++i) {
    const auto found = forest->places.find({trees[i], ids[i]});
    if (found == forest->places.end() || to[i] < 0 || to[i] >= targets) {
      node.invalid("a " + prefix + " of a node or for a class that is not there");
      return shares;
    }
    order.emplace_back(found->second, i);
  }
  std::sort(order.begin(), order.end());
  for (size_t i = 0; i < count; ++i) {
    TreeNode& leaf = forest->nodes[static_cast<size_t>(order[i].first)];
    if (leaf.mode != static_cast<int32_t>(TreeMode::kLeaf)) continue;  // of a branch: never reached
    if (i == 0 || order[i - 1].first != order[i].first) leaf.true_child = static_cast<int32_t>(i);
    leaf.false_child = static_cast<int32_t>(i) + 1;
  }
  // Weights follow their leaves, moved where they lie: they are the model's secret.
  const auto listed = node.new_constant({DataType::kFloat32, {static_cast<int64_t>(count)}});
  const ValueId given = node.make_floats_of(weights, {static_cast<int64_t>(count)});
  if (listed.id == kNoValue || given == kNoValue) return shares;
  const uint8_t* source = node.constant(given)->data;
  for (size_t i = 0; i < count; ++i) {
    std::memcpy(listed.bytes.data() + i * sizeof(float), source + order[i].second * sizeof(float), sizeof(float));
    shares.targets.push_back(static_cast<int32_t>(to[order[i].second]));
    float weight;
    std::memcpy(&weight, source + i * sizeof weight, sizeof weight);
    shares.any_negative |= weight < 0;
  }
  shares.weights = listed.id;
  return shares;
}

// The scores, (N, targets), before post_transform.
ValueId tree_scores(NodeImport& node, const std::string& prefix, TreeEnsembleAttributes attributes, Shares* shares) {
  for (const char* name : {"nodes_values_as_tensor", "base_values_as_tensor"}) {
    if (node.has(name)) node.unsupported("thresholds of float64");
  }
  Forest forest = read_forest(node);
  if (node.error()) return kNoValue;
  *shares = read_shares(node, prefix, attributes.targets, &forest);
  if (node.error()) return kNoValue;
  const auto length = [](const auto& list) { return static_cast<int64_t>(list.size()); };
  const std::span<const int32_t> table(reinterpret_cast<const int32_t*>(forest.nodes.data()),
                                       forest.nodes.size() * kTreeNodeInts);
  const auto base_values = static_cast<int64_t>(node.count_floats("base_values"));
  if (base_values > 1 && base_values != attributes.targets) node.invalid("attribute 'base_values' has a wrong length");
  return node.emit_inner(make_tree_ensemble(attributes),
                         {node.input(0), int_table(node, table, {length(forest.nodes), kTreeNodeInts}),
                          node.make_floats_of("nodes_values", {length(forest.nodes)}),
                          int_table(node, forest.roots, {length(forest.roots)}),
                          int_table(node, shares->targets, {length(shares->targets)}), shares->weights,
                          base_values > 0 ? node.make_floats_of("base_values", {base_values}) : kNoValue});
}

void tree_regressor(NodeImport& node) {
  TreeEnsembleAttributes attributes = {.targets = node.get_int("n_targets", 1)};
  if (attributes.targets < 1 || attributes.targets > std::numeric_limits<int32_t>::max()) {
    return node.invalid("attribute 'n_targets' must be positive");
  }
  const std::string_view aggregate = node.get_string("aggregate_function", "SUM");
  if (aggregate == "AVERAGE") {
    attributes.aggregate = TreeAggregate::kAverage;
  } else if (aggregate == "MIN") {
    attributes.aggregate = TreeAggregate::kMin;
  } else if (aggregate == "MAX") {
    attributes.aggregate = TreeAggregate::kMax;
  } else if (aggregate != "SUM") {
    return node.invalid("unknown value of attribute 'aggregate_function'");
  }
  Shares shares;
  const ValueId scores = tree_scores(node, "target", attributes, &shares);
  if (!node.error()) emit_post_transform(node, scores, node.output(0));
}

// Two classes of which the leaves score only one, `scored`: its score is a probability where no weight is negative,
// otherwise a distance from the border between both. So onnxruntime reads them, and so they are written by those who
// convert boosted trees, as scores of class 0. `scores` is (N, 2).
void emit_two_classes(NodeImport& node, ValueId scores, ValueId labels, int32_t scored, bool distance) {
  const ValueId score = node.emit_inner(make_gather(1), {scores, node.make_ints(std::array<int64_t, 1>{scored})});
  const ValueId border = node.make_scalar(distance ? 0.0f : 0.5f);
  const ValueId second = node.emit_inner(make_binary(BinaryKind::kGreater), {score, border});
  if (node.wants_output(0)) {
    const ValueId place = node.emit_inner(make_cast(DataType::kInt64), {second});
    const ValueId one = node.make_ints(std::array<int64_t, 1>{1});
    node.emit_to(make_gather(0), {labels, node.emit_inner(make_squeeze(), {place, one})}, {node.output(0)});
  }
  if (!node.wants_output(1)) return;
  if (scored == 1) return emit_post_transform(node, scores, node.output(1));
  const std::string_view transform = node.get_string("post_transform", "NONE");
  const bool logistic = transform == "LOGISTIC";
  // onnxruntime leaves out a softmax of one score.
  if (!logistic && transform != "NONE" && transform != "SOFTMAX" && transform != "SOFTMAX_ZERO") {
    return node.unsupported("post_transform " + printable(transform) + " of one of two classes");
  }
  const ValueId other = distance || logistic
                            ? node.emit_inner(make_unary(UnaryKind::kNeg), {score})
                            : node.emit_inner(make_binary(BinaryKind::kSub), {node.make_scalar(1), score});
  const ValueId both = node.emit_inner(make_concat(1), {other, score});
  node.emit_to(logistic ? make_unary(UnaryKind::kSigmoid) : make_identity(), {both}, {node.output(1)});
}

void tree_classifier(NodeImport& node) {
  size_t classes = 0;
  const ValueId labels = class_labels(node, &classes);
  if (node.error()) return;
  Shares shares;
  const ValueId scores = tree_scores(node, "class", {.targets = static_cast<int64_t>(classes)}, &shares);
  if (node.error()) return;
  const std::vector<int32_t>& targets = shares.targets;
  const bool one_class = std::all_of(targets.begin(), targets.end(), [&](int32_t to) { return to == targets[0]; });
  if (classes != 2 || !one_class) return emit_classes(node, scores, labels);
  // One value counts for the class with the scores, and onnxruntime has only ever added it to the first.
  const size_t meant = targets[0] == 0 ? 1 : 0;
  if (node.count_floats("base_values") > meant) return node.unsupported("base_values of one of two classes");
  emit_two_classes(node, scores, labels, targets[0], shares.any_negative);
}

constexpr auto kImporters = std::to_array<OpImporter>({
    {"TreeEnsembleClassifier", 1, 1, tree_classifier},
    {"TreeEnsembleRegressor", 1, 1, tree_regressor},
});

}  // namespace

std::span<const OpImporter> ml_tree_importers() { return kImporters; }

}  // namespace sealedge
