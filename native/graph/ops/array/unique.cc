// Unique: the distinct elements, or the distinct slices along an axis; where each was first, which one every input
// element is, and how often each occurs.
//   X -> Y, indices, inverse_indices, counts
#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include "graph/ops/array/selection.h"
#include "graph/ops/element_types.h"
#include "graph/ops/support.h"

namespace sealedge {

namespace {

// X as `slices` slices, slice s being (outer, s, inner) for all outer and inner. Without an axis every element is one.
struct Slices {
  size_t outer = 1, count = 0, inner = 1;
};

// Bounds what is allocated when planning: 8 bytes for each, whatever a slice holds, which may be nothing.
constexpr size_t kMostSlices = size_t{1} << 26;

// NaN sorts last and equals itself, as in numpy: the order must be one for sorting to be defined.
template <typename T>
int compare(T a, T b) {
  if constexpr (kIsFloating<T>) {
    const bool a_nan = a != a, b_nan = b != b;
    if (a_nan || b_nan) return static_cast<int>(a_nan) - static_cast<int>(b_nan);
  }
  return static_cast<int>(a > b) - static_cast<int>(a < b);
}

template <typename T>
int compare_slices(const T* x, const Slices& slices, int64_t a, int64_t b) {
  for (size_t o = 0; o < slices.outer; ++o) {
    const T* row = x + o * slices.count * slices.inner;
    for (size_t i = 0; i < slices.inner; ++i) {
      const int order =
          compare(row[static_cast<size_t>(a) * slices.inner + i], row[static_cast<size_t>(b) * slices.inner + i]);
      if (order != 0) return order;
    }
  }
  return 0;
}

// Sorts the slices' numbers, equal ones in their original order, so that each group starts with its first occurrence.
// By heap: whatever another thread may do to the elements meanwhile, it stays in bounds, which std::sort would not.
template <typename T>
void sort_slices(const T* x, const Slices& slices, int64_t* order) {
  std::iota(order, order + slices.count, int64_t{0});
  std::partial_sort(order, order + slices.count, order + slices.count, [&](int64_t a, int64_t b) {
    const int result = compare_slices(x, slices, a, b);
    return result != 0 ? result < 0 : a < b;
  });
}

// What was found when planning; the elements are those of the plan.
struct Groups {
  std::vector<int64_t> group;  // of each slice: which one it is
  std::vector<int64_t> first;  // of each group: its first slice; groups in the order of the output
};

template <typename T>
Groups find_groups(const T* x, const Slices& slices, bool sorted) {
  std::vector<int64_t> order(slices.count);
  sort_slices(x, slices, order.data());
  Groups found;
  found.group.resize(slices.count);
  for (size_t i = 0; i < slices.count; ++i) {
    if (i == 0 || compare_slices(x, slices, order[i - 1], order[i]) != 0) found.first.push_back(order[i]);
    found.group[static_cast<size_t>(order[i])] = static_cast<int64_t>(found.first.size()) - 1;
  }
  if (sorted) return found;
  // In the order in which they first occur.
  std::vector<int64_t> by_place(found.first.size()), rank(found.first.size());
  std::iota(by_place.begin(), by_place.end(), int64_t{0});
  const auto first_of = [&](int64_t group) { return found.first[static_cast<size_t>(group)]; };
  std::sort(by_place.begin(), by_place.end(), [&](int64_t a, int64_t b) { return first_of(a) < first_of(b); });
  for (size_t i = 0; i < rank.size(); ++i) rank[static_cast<size_t>(by_place[i])] = static_cast<int64_t>(i);
  for (int64_t& group : found.group) group = rank[static_cast<size_t>(group)];
  std::sort(found.first.begin(), found.first.end());
  return found;
}

template <typename T>
class UniqueKernel final : public Kernel {
 public:
  UniqueKernel(Slices slices, std::shared_ptr<const Groups> groups) : slices_(slices), groups_(std::move(groups)) {}

  Result<void> run(const RunArgs& args) const override {
    const auto* x = reinterpret_cast<const T*>(args.inputs[0]);
    const std::vector<int64_t>&group = groups_->group, &first = groups_->first;
    if (auto* y = output<T>(args, 0)) {
      for (size_t o = 0; o < slices_.outer; ++o) {
        for (int64_t from : first) {
          const T* slice = x + (o * slices_.count + static_cast<size_t>(from)) * slices_.inner;
          y = std::copy_n(slice, slices_.inner, y);
        }
      }
    }
    if (auto* indices = output<int64_t>(args, 1)) std::copy(first.begin(), first.end(), indices);
    if (auto* inverse = output<int64_t>(args, 2)) std::copy(group.begin(), group.end(), inverse);
    if (auto* counts = output<int64_t>(args, 3)) {
      std::fill_n(counts, first.size(), int64_t{0});
      for (int64_t g : group) ++counts[g];
    }
    return {};
  }

 private:
  template <typename R>
  static R* output(const RunArgs& args, size_t i) {
    return i < args.outputs.size() ? reinterpret_cast<R*>(args.outputs[i]) : nullptr;
  }
  Slices slices_;
  std::shared_ptr<const Groups> groups_;
};

class UniqueOp final : public Op {
 public:
  UniqueOp(std::optional<int64_t> axis, bool sorted) : axis_(axis), sorted_(sorted) {}
  const char* op_type() const override { return "Unique"; }
  bool needs_contents(size_t) const override { return true; }

  // Sorting by heap compares twice at each level, and finds nothing in the cache.
  double infer_work(std::span<const Operand> inputs) const override {
    constexpr double kComparison = 8;
    const double count = element_count(inputs);
    return 2 * kComparison * count * (1 + std::log2(count + 1));
  }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    std::shared_ptr<const void> unused;
    return infer_with_findings(inputs, &unused);
  }

  Result<std::vector<TensorFact>> infer_with_findings(std::span<const Operand> inputs,
                                                      std::shared_ptr<const void>* findings) const override {
    const Operand& x = inputs[0];
    if (axis_) SEALEDGE_TRY(resolve_axis(*axis_, x.dims.size()));
    if (element_count(x.dims) > 0 && !x.data) {
      return op_unsupported("the input depends on the data of a run, so the shape cannot be planned");
    }
    SEALEDGE_ASSIGN(std::shared_ptr<const Groups> groups, groups_of(x));
    const auto distinct = static_cast<int64_t>(groups->first.size());
    *findings = std::move(groups);
    TensorFact y{x.type, {distinct}};
    if (axis_) {
      y.dims = x.dims;
      y.dims[*resolve_axis(*axis_, x.dims.size())] = distinct;
    }
    const TensorFact each{DataType::kInt64, {distinct}};
    const TensorFact inverse{DataType::kInt64, {static_cast<int64_t>(slices_of(x.dims).count)}};
    return std::vector<TensorFact>{std::move(y), each, inverse, each};
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand& x = setup.inputs[0];
    auto groups = std::static_pointer_cast<const Groups>(setup.findings);
    return dispatch_type(AllTypes{}, x.type, [&]<typename T>() -> std::unique_ptr<Kernel> {
      return std::make_unique<UniqueKernel<T>>(slices_of(x.dims), std::move(groups));
    });
  }

 private:
  Slices slices_of(const Dims& dims) const {
    if (!axis_) return {.count = static_cast<size_t>(element_count(dims))};
    const size_t axis = *resolve_axis(*axis_, dims.size());
    Slices slices{.count = static_cast<size_t>(dims[axis])};
    for (size_t d = 0; d < dims.size(); ++d) {
      if (d != axis) (d < axis ? slices.outer : slices.inner) *= static_cast<size_t>(dims[d]);
    }
    return slices;
  }
  // Sorts positions, never the elements themselves: these may be of a sealed model.
  Result<std::shared_ptr<const Groups>> groups_of(const Operand& x) const {
    const Slices slices = slices_of(x.dims);
    if (slices.count > kMostSlices) {
      return Error{ErrorCode::kLimitExceeded,
                   "expected at most " + std::to_string(kMostSlices) + " slices, got " + std::to_string(slices.count)};
    }
    auto groups = dispatch_type(AllTypes{}, x.type, [&]<typename T>() -> std::shared_ptr<const Groups> {
      return std::make_shared<Groups>(find_groups(reinterpret_cast<const T*>(x.data), slices, sorted_));
    });
    if (!groups) return op_unsupported(data_type_name(x.type));
    return groups;
  }

  std::optional<int64_t> axis_;
  bool sorted_;
};

}  // namespace

OpPtr make_unique_elements(std::optional<int64_t> axis, bool sorted) {
  return std::make_shared<UniqueOp>(axis, sorted);
}

}  // namespace sealedge
