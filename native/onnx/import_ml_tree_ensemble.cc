// op_type -> op: TreeEnsemble of ai.onnx.ml 5. Attributes list branches and leaves apart, their numbers in tensors;
// here they become the one table of TreeEnsembleRegressor, branches first, then leaves with one share each.
#include <array>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "graph/ops/element_types.h"
#include "graph/ops/feature/tree_ensemble.h"
#include "onnx/import_ml.h"
#include "onnx/tensor_data.h"

namespace sealedge {

namespace {

constexpr int64_t kBranchMember = 6;

// Numbers of a tensor attribute, in the store: they are the model's secret.
struct Numbers {
  DataType type = DataType::kUndefined;
  std::span<const uint8_t> bytes;
  size_t count() const { return bytes.empty() ? 0 : bytes.size() / data_type_size_bytes(type); }
  double operator[](size_t i) const {
    if (type == DataType::kFloat64) return reinterpret_cast<const double*>(bytes.data())[i];
    if (type == DataType::kFloat32) return static_cast<double>(reinterpret_cast<const float*>(bytes.data())[i]);
    if (type == DataType::kFloat16) return static_cast<double>(reinterpret_cast<const Float16*>(bytes.data())[i]);
    return static_cast<double>(bytes[i]);  // uint8: modes
  }
};

Numbers read_numbers(NodeImport& node, std::string_view name, bool floats) {
  const TensorProto* tensor = node.get_tensor(name);
  if (!tensor) return {};
  auto fact = tensor_fact(*tensor);
  const bool fits = fact.ok() && (floats ? fact->type == DataType::kFloat32 || fact->type == DataType::kFloat64 ||
                                               fact->type == DataType::kFloat16
                                         : fact->type == DataType::kUint8);
  // A few bytes of file can claim to be a large tensor; the data of these lies in the file, 8 elements a byte at least.
  if (!fits || tensor->external ||
      static_cast<size_t>(element_count(fact->dims)) > tensor->message.size() * (floats ? 1 : 8)) {
    node.invalid("attribute '" + std::string(name) + "': expected inline " + (floats ? "floats" : "uint8"));
    return {};
  }
  const auto constant = node.new_constant(*fact);
  if (constant.id == kNoValue) return {};
  if (auto decoded = decode_tensor(*tensor, constant.bytes); !decoded.ok()) node.invalid(decoded.error().message);
  return {fact->type, constant.bytes};
}

struct Ensemble {
  std::vector<int64_t> features, yes, no, yes_leaf, no_leaf, missing, targets, roots;
  Numbers modes, splits, weights, members;
  size_t branches() const { return features.size(); }
  size_t leaves() const { return targets.size(); }
};

Ensemble read_ensemble(NodeImport& node, int64_t targets) {
  Ensemble e = {.features = node.get_ints("nodes_featureids"),
                .yes = node.get_ints("nodes_truenodeids"),
                .no = node.get_ints("nodes_falsenodeids"),
                .yes_leaf = node.get_ints("nodes_trueleafs"),
                .no_leaf = node.get_ints("nodes_falseleafs"),
                .missing = node.get_ints("nodes_missing_value_tracks_true"),
                .targets = node.get_ints("leaf_targetids"),
                .roots = node.get_ints("tree_roots"),
                .modes = read_numbers(node, "nodes_modes", false),
                .splits = read_numbers(node, "nodes_splits", true),
                .weights = read_numbers(node, "leaf_weights", true),
                .members = read_numbers(node, "membership_values", true)};
  const size_t count = e.branches();
  const auto limit = static_cast<size_t>(std::numeric_limits<int32_t>::max()) / 4;
  const bool fits = count > 0 && count < limit && e.leaves() > 0 && e.leaves() < limit && e.yes.size() == count &&
                    e.no.size() == count && e.yes_leaf.size() == count && e.no_leaf.size() == count &&
                    e.modes.count() == count && e.splits.count() == count && e.weights.count() == e.leaves() &&
                    (e.missing.empty() || e.missing.size() == count) && !e.roots.empty() && e.members.count() < limit &&
                    e.splits.type == e.weights.type;
  if (!fits) {
    node.invalid("the lists of nodes or of leaves do not fit each other");
    return e;
  }
  for (int64_t target : e.targets) {
    if (target < 0 || target >= targets) node.invalid("attribute 'leaf_targetids': a target that is not there");
  }
  return e;
}

// No branch has two parents, and no root has one: so every walk ends.
bool is_forest(const Ensemble& e) {
  std::vector<bool> has_parent(e.branches(), false);
  const auto adopt = [&](int64_t child, bool leaf) {
    if (child < 0 || static_cast<size_t>(child) >= (leaf ? e.leaves() : e.branches())) return false;
    if (leaf) return true;
    const bool first = !has_parent[static_cast<size_t>(child)];
    has_parent[static_cast<size_t>(child)] = true;
    return first;
  };
  for (size_t i = 0; i < e.branches(); ++i) {
    if (!adopt(e.yes[i], e.yes_leaf[i] != 0) || !adopt(e.no[i], e.no_leaf[i] != 0)) return false;
  }
  for (int64_t root : e.roots) {
    if (root < 0 || static_cast<size_t>(root) >= e.branches() || has_parent[static_cast<size_t>(root)]) return false;
  }
  return true;
}

// A branch that asks for membership becomes one that asks for equality per member: each leads to the same true child,
// and where it fails to the next.
struct Table {
  std::vector<TreeNode> nodes;
  std::vector<size_t> thresholds;  // of branches: into splits, or past them into members
  std::vector<int32_t> first;      // of each branch: its first row
};

int32_t mode_of(int64_t mode) {
  static constexpr std::array kModes = {TreeMode::kLessOrEqual, TreeMode::kLess,  TreeMode::kGreaterOrEqual,
                                        TreeMode::kGreater,     TreeMode::kEqual, TreeMode::kNotEqual,
                                        TreeMode::kEqual};
  return static_cast<int32_t>(kModes[static_cast<size_t>(mode)]);
}

// How many members the set that begins at *at has; *at moves past the NaN that ends it.
size_t next_set(const Numbers& members, size_t* at) {
  const size_t begin = *at;
  while (*at < members.count() && members[*at] == members[*at]) ++*at;
  const size_t size = *at - begin;
  if (*at < members.count()) ++*at;
  return size;
}

Table make_table(NodeImport& node, const Ensemble& e) {
  Table table;
  std::vector<size_t> rows(e.branches());
  size_t member = 0, total = 0;
  std::vector<size_t> sets(e.branches());
  for (size_t i = 0; i < e.branches(); ++i) {
    const auto mode = static_cast<int64_t>(e.modes[i]);
    if (mode > kBranchMember || e.features[i] < 0 || e.features[i] > std::numeric_limits<int32_t>::max()) {
      node.invalid("a node has an unknown mode or a negative feature");
      return table;
    }
    table.first.push_back(static_cast<int32_t>(total));
    rows[i] = 1;
    if (mode == kBranchMember) {
      sets[i] = member;
      rows[i] = next_set(e.members, &member);
      if (rows[i] == 0) {
        node.invalid("attribute 'membership_values': a set without members");
        return table;
      }
    }
    total += rows[i];
  }
  const auto place = [&](int64_t child, bool leaf) {
    return leaf ? static_cast<int32_t>(total + static_cast<size_t>(child)) : table.first[static_cast<size_t>(child)];
  };
  for (size_t i = 0; i < e.branches(); ++i) {
    const auto mode = static_cast<int64_t>(e.modes[i]);
    for (size_t row = 0; row < rows[i]; ++row) {
      const bool last = row + 1 == rows[i];
      table.nodes.push_back(
          {.feature = static_cast<int32_t>(e.features[i]),
           .mode = mode_of(mode),
           .missing = !e.missing.empty() && e.missing[i] != 0 ? 1 : 0,
           .true_child = place(e.yes[i], e.yes_leaf[i] != 0),
           .false_child = last ? place(e.no[i], e.no_leaf[i] != 0) : table.first[i] + static_cast<int32_t>(row) + 1});
      table.thresholds.push_back(mode == kBranchMember ? e.branches() + sets[i] + row : i);
    }
  }
  for (size_t i = 0; i < e.leaves(); ++i) {
    const auto share = static_cast<int32_t>(i);
    table.nodes.push_back({.feature = 0,
                           .mode = static_cast<int32_t>(TreeMode::kLeaf),
                           .missing = 0,
                           .true_child = share,
                           .false_child = share + 1});
  }
  return table;
}

ValueId int_table(NodeImport& node, std::span<const int32_t> values, Dims dims) {
  const auto constant = node.new_constant({DataType::kInt32, std::move(dims)});
  if (constant.id != kNoValue) std::memcpy(constant.bytes.data(), values.data(), values.size_bytes());
  return constant.id;
}

// number(0), number(1) and so on as a constant of type V.
template <typename V, typename Number>
ValueId constant_of(NodeImport& node, size_t count, Number number) {
  const auto constant = node.new_constant({kDataTypeOf<V>, {static_cast<int64_t>(count)}});
  if (constant.id == kNoValue) return kNoValue;
  for (size_t i = 0; i < count; ++i) reinterpret_cast<V*>(constant.bytes.data())[i] = static_cast<V>(number(i));
  return constant.id;
}

template <typename V>
ValueId ensemble_scores(NodeImport& node, const TreeEnsembleAttributes& attributes, const Ensemble& e,
                        const Table& table, ValueId x) {
  const auto threshold = [&](size_t i) {
    if (i >= table.thresholds.size()) return 0.0;  // a leaf has none
    const size_t at = table.thresholds[i];
    return at < e.branches() ? e.splits[at] : e.members[at - e.branches()];
  };
  std::vector<int32_t> roots, targets;
  for (int64_t root : e.roots) roots.push_back(table.first[static_cast<size_t>(root)]);
  for (int64_t target : e.targets) targets.push_back(static_cast<int32_t>(target));
  const std::span<const int32_t> nodes(reinterpret_cast<const int32_t*>(table.nodes.data()),
                                       table.nodes.size() * kTreeNodeInts);
  const auto length = [](const auto& list) { return static_cast<int64_t>(list.size()); };
  return node.emit_inner(make_tree_ensemble(attributes),
                         {x, int_table(node, nodes, {length(table.nodes), kTreeNodeInts}),
                          constant_of<V>(node, table.nodes.size(), threshold), int_table(node, roots, {length(roots)}),
                          int_table(node, targets, {length(targets)}),
                          constant_of<V>(node, e.leaves(), [&](size_t i) { return e.weights[i]; }), kNoValue});
}

void tree_ensemble(NodeImport& node) {
  TreeEnsembleAttributes attributes = {.targets = node.get_int("n_targets", 1)};
  static constexpr std::array kAggregates = {TreeAggregate::kAverage, TreeAggregate::kSum, TreeAggregate::kMin,
                                             TreeAggregate::kMax};
  const int64_t aggregate = node.get_int("aggregate_function", 1);
  if (aggregate < 0 || aggregate > 3 || attributes.targets < 1 ||
      attributes.targets > std::numeric_limits<int32_t>::max()) {
    return node.invalid("attributes 'aggregate_function' or 'n_targets' are out of range");
  }
  attributes.aggregate = kAggregates[static_cast<size_t>(aggregate)];
  const int64_t transform = node.get_int("post_transform", 0);
  if (transform < 0 || transform > 2) return node.unsupported("post_transform " + std::to_string(transform));
  const Ensemble e = read_ensemble(node, attributes.targets);
  if (node.error()) return;
  if (!is_forest(e)) return node.invalid("a child or root is missing, or a node has two parents");
  const Table table = make_table(node, e);
  if (node.error()) return;
  const bool wide = e.splits.type == DataType::kFloat64;
  // Features of float16 are compared, and summed up, as float32.
  const ValueId x = e.splits.type == DataType::kFloat16
                        ? node.emit_inner(make_cast(DataType::kFloat32), {node.input(0)})
                        : node.input(0);
  ValueId scores = wide ? ensemble_scores<double>(node, attributes, e, table, x)
                        : ensemble_scores<float>(node, attributes, e, table, x);
  if (transform == 1) scores = node.emit_inner(make_softmax(-1, false, false), {scores});
  if (transform == 2) scores = node.emit_inner(make_unary(UnaryKind::kSigmoid), {scores});
  node.emit(make_cast_like(), {scores, node.input(0)});
}

constexpr auto kImporters = std::to_array<OpImporter>({
    {"TreeEnsemble", 1, 1, tree_ensemble},
});

}  // namespace

std::span<const OpImporter> ml_tree_ensemble_importers() { return kImporters; }

}  // namespace sealedge
