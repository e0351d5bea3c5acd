#include "graph/ops/feature/tree_ensemble.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "graph/ops/element_types.h"
#include "graph/ops/support.h"
#include "kernels/parallel.h"

namespace sealedge {

namespace {

enum TreeInput : size_t { kX, kNodes, kThresholds, kRoots, kShares, kWeights, kBase };

using FeatureTypes = TypeList<float, double, int32_t, int64_t>;

// T: of the features, V: of thresholds and weights.
template <typename T, typename V>
class TreeKernel final : public Kernel {
 public:
  TreeKernel(const TreeEnsembleAttributes& attributes, size_t rows, size_t features, size_t roots, size_t base_values,
             unsigned slots)
      : attributes_(attributes),
        targets_(static_cast<size_t>(attributes.targets)),
        rows_(rows),
        features_(features),
        roots_(roots),
        base_values_(base_values),
        slots_(slots) {}

  // Sums of a row's targets, and whether a tree has said anything about them; per thread.
  size_t scratch_bytes() const override { return slots_ * targets_ * (sizeof(double) + sizeof(double)); }

  Result<void> run(const RunArgs& args) const override {
    const KernelContext context = kernel_context(args);
    const size_t parts = std::min<size_t>(slots_, parts_for(context.parallel, rows_, roots_ * 8 * kMoveWork));
    parallel_for(context.parallel, parts, [&](size_t index, unsigned slot) {
      auto* sums = reinterpret_cast<double*>(args.scratch) + slot * 2 * targets_;
      const Part part = part_of(rows_, index, parts);
      for (size_t row = part.begin; row < part.end; ++row) score(args, row, sums, sums + targets_);
    });
    return {};
  }

 private:
  void score(const RunArgs& args, size_t row, double* sums, double* seen) const {
    const auto* x = reinterpret_cast<const T*>(args.inputs[kX]) + row * features_;
    const auto* nodes = reinterpret_cast<const TreeNode*>(args.inputs[kNodes]);
    const auto* roots = reinterpret_cast<const int32_t*>(args.inputs[kRoots]);
    const auto* shares = reinterpret_cast<const int32_t*>(args.inputs[kShares]);
    const auto* weights = reinterpret_cast<const V*>(args.inputs[kWeights]);
    std::fill_n(sums, targets_, 0.0);
    std::fill_n(seen, targets_, 0.0);
    for (size_t tree = 0; tree < roots_; ++tree) {
      const TreeNode& leaf = nodes[walk(args, x, roots[tree])];
      for (int32_t share = leaf.true_child; share < leaf.false_child; ++share) {
        const auto target = static_cast<size_t>(shares[share]);
        const auto weight = static_cast<double>(weights[share]);
        const bool first = seen[target] == 0;
        seen[target] = 1;
        if (attributes_.aggregate == TreeAggregate::kMin) {
          sums[target] = first ? weight : std::min(sums[target], weight);
        } else if (attributes_.aggregate == TreeAggregate::kMax) {
          sums[target] = first ? weight : std::max(sums[target], weight);
        } else {
          sums[target] += weight;
        }
      }
    }
    auto* y = reinterpret_cast<V*>(args.outputs[0]) + row * targets_;
    for (size_t target = 0; target < targets_; ++target) {
      double value = sums[target];
      if (attributes_.aggregate == TreeAggregate::kAverage && roots_ > 0) value /= static_cast<double>(roots_);
      if (base_values_ > 0) {
        const auto* base = reinterpret_cast<const V*>(args.inputs[kBase]);
        value += static_cast<double>(base[base_values_ == 1 ? 0 : target]);
      }
      y[target] = static_cast<V>(value);
    }
  }

  int32_t walk(const RunArgs& args, const T* x, int32_t at) const {
    const auto* nodes = reinterpret_cast<const TreeNode*>(args.inputs[kNodes]);
    const auto* thresholds = reinterpret_cast<const V*>(args.inputs[kThresholds]);
    while (nodes[at].mode != static_cast<int32_t>(TreeMode::kLeaf)) {
      const TreeNode& node = nodes[at];
      at = branches(x[node.feature], thresholds[at], node) ? node.true_child : node.false_child;
    }
    return at;
  }

  static bool branches(T feature, V threshold, const TreeNode& node) {
    using Common = std::common_type_t<T, V>;
    const auto x = static_cast<Common>(feature), t = static_cast<Common>(threshold);
    // Otherwise NaN is what it is in every comparison: unequal to all, and neither less nor greater.
    if (x != x && node.missing != 0) return true;
    switch (static_cast<TreeMode>(node.mode)) {
      case TreeMode::kLess:
        return x < t;
      case TreeMode::kLessOrEqual:
        return x <= t;
      case TreeMode::kGreater:
        return x > t;
      case TreeMode::kGreaterOrEqual:
        return x >= t;
      case TreeMode::kEqual:
        return x == t;
      default:
        return x != t;
    }
  }

  TreeEnsembleAttributes attributes_;
  size_t targets_, rows_, features_, roots_, base_values_;
  unsigned slots_;
};

class TreeEnsembleOp final : public Op {
 public:
  explicit TreeEnsembleOp(const TreeEnsembleAttributes& attributes) : attributes_(attributes) {}
  const char* op_type() const override { return "TreeEnsemble"; }
  // The widest feature that a node asks for is checked against X.
  bool needs_contents(size_t input) const override { return input == kNodes; }
  bool may_copy_input(size_t input) const override { return input == kX; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Operand &x = inputs[kX], &nodes = inputs[kNodes];
    if (!dispatch_type(FeatureTypes{}, x.type, []<typename T>() { return true; })) {
      return op_unsupported(data_type_name(x.type));
    }
    if (x.dims.empty() || x.dims.size() > 2) return shape_mismatch("X: expected rank 1 or 2");
    const auto* table = reinterpret_cast<const TreeNode*>(nodes.data);
    for (int64_t i = 0; i < nodes.dims[0]; ++i) {
      const bool leaf = table[i].mode == static_cast<int32_t>(TreeMode::kLeaf);
      if (!leaf && table[i].feature >= x.dims.back()) {
        return shape_mismatch("a node asks for feature " + std::to_string(table[i].feature) + " of X " +
                              dims_to_string(x.dims));
      }
    }
    return std::vector<TensorFact>{{inputs[kWeights].type, {x.dims.size() == 2 ? x.dims[0] : 1, attributes_.targets}}};
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand& x = setup.inputs[kX];
    const auto count = [&](size_t i) { return static_cast<size_t>(element_count(setup.inputs[i].dims)); };
    const size_t base_values = setup.inputs.size() > kBase && setup.inputs[kBase].present ? count(kBase) : 0;
    const auto rows = static_cast<size_t>(setup.outputs[0].dims[0]);
    return dispatch_type(FeatureTypes{}, x.type, [&]<typename T>() -> std::unique_ptr<Kernel> {
      return dispatch_type(
          TypeList<float, double>{}, setup.inputs[kThresholds].type, [&]<typename V>() -> std::unique_ptr<Kernel> {
            return std::make_unique<TreeKernel<T, V>>(attributes_, rows, static_cast<size_t>(x.dims.back()),
                                                      count(kRoots), base_values, setup.threads);
          });
    });
  }

 private:
  TreeEnsembleAttributes attributes_;
};

}  // namespace

OpPtr make_tree_ensemble(const TreeEnsembleAttributes& attributes) {
  return std::make_shared<TreeEnsembleOp>(attributes);
}

}  // namespace sealedge
