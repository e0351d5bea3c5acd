// Unique: the distinct elements, or the distinct slices along an axis; where each was first, which one every input
// element is, and how often each occurs.
//   X -> Y, indices, inverse_indices, counts
#include <algorithm>
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

template <typename T>
class UniqueKernel final : public Kernel {
 public:
  UniqueKernel(Slices slices, size_t distinct, bool sorted) : slices_(slices), distinct_(distinct), sorted_(sorted) {}
  // order: slice numbers, sorted. group: which group each slice is in. first: the first slice of each group.
  // rank: the place of each group in the output.
  size_t scratch_bytes() const override { return 4 * slices_.count * sizeof(int64_t); }

  Result<void> run(const RunArgs& args) const override {
    const auto* x = reinterpret_cast<const T*>(args.inputs[0]);
    const size_t n = slices_.count;
    auto* order = reinterpret_cast<int64_t*>(args.scratch);
    int64_t *group = order + n, *first = group + n, *rank = first + n;
    sort_slices(x, slices_, order);
    size_t groups = 0;
    for (size_t i = 0; i < n; ++i) {
      if (i == 0 || compare_slices(x, slices_, order[i - 1], order[i]) != 0) first[groups++] = order[i];
      group[order[i]] = static_cast<int64_t>(groups - 1);
    }
    // Sized when planning; the caller's memory may have changed since.
    if (groups != distinct_) return Error{ErrorCode::kInputInvalid, "the input was changed during the run"};
    // Unsorted: in the order in which they first occur.
    std::iota(order, order + groups, int64_t{0});
    if (!sorted_) std::sort(order, order + groups, [&](int64_t a, int64_t b) { return first[a] < first[b]; });
    for (size_t i = 0; i < groups; ++i) rank[order[i]] = static_cast<int64_t>(i);

    if (auto* y = output<T>(args, 0)) {
      for (size_t o = 0; o < slices_.outer; ++o) {
        for (size_t i = 0; i < groups; ++i) {
          const auto from = static_cast<size_t>(first[order[i]]);
          std::copy_n(x + (o * n + from) * slices_.inner, slices_.inner, y + (o * groups + i) * slices_.inner);
        }
      }
    }
    if (auto* indices = output<int64_t>(args, 1)) {
      for (size_t i = 0; i < groups; ++i) indices[i] = first[order[i]];
    }
    if (auto* inverse = output<int64_t>(args, 2)) {
      for (size_t i = 0; i < n; ++i) inverse[i] = rank[group[i]];
    }
    if (auto* counts = output<int64_t>(args, 3)) {
      std::fill_n(counts, groups, int64_t{0});
      for (size_t i = 0; i < n; ++i) ++counts[rank[group[i]]];
    }
    return {};
  }

 private:
  template <typename R>
  static R* output(const RunArgs& args, size_t i) {
    return i < args.outputs.size() ? reinterpret_cast<R*>(args.outputs[i]) : nullptr;
  }
  Slices slices_;
  size_t distinct_;
  bool sorted_;
};

class UniqueOp final : public Op {
 public:
  UniqueOp(std::optional<int64_t> axis, bool sorted) : axis_(axis), sorted_(sorted) {}
  const char* op_type() const override { return "Unique"; }
  bool needs_contents(size_t) const override { return true; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Operand& x = inputs[0];
    if (axis_) SEALEDGE_TRY(resolve_axis(*axis_, x.dims.size()));
    if (element_count(x.dims) > 0 && !x.data) {
      return op_unsupported("the input depends on the data of a run, so the shape cannot be planned");
    }
    SEALEDGE_ASSIGN(const int64_t distinct, count_distinct(x));
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
    SEALEDGE_ASSIGN(const int64_t distinct, count_distinct(x));
    return dispatch_type(AllTypes{}, x.type, [&]<typename T>() -> std::unique_ptr<Kernel> {
      return std::make_unique<UniqueKernel<T>>(slices_of(x.dims), static_cast<size_t>(distinct), sorted_);
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
  Result<int64_t> count_distinct(const Operand& x) const {
    const Slices slices = slices_of(x.dims);
    if (slices.count > kMostSlices) {
      return Error{ErrorCode::kLimitExceeded,
                   "expected at most " + std::to_string(kMostSlices) + " slices, got " + std::to_string(slices.count)};
    }
    std::vector<int64_t> order(slices.count);
    const auto distinct = dispatch_type(AllTypes{}, x.type, [&]<typename T>() -> std::optional<int64_t> {
      const auto* elements = reinterpret_cast<const T*>(x.data);
      sort_slices(elements, slices, order.data());
      int64_t groups = 0;
      for (size_t i = 0; i < slices.count; ++i) {
        groups += i == 0 || compare_slices(elements, slices, order[i - 1], order[i]) != 0 ? 1 : 0;
      }
      return groups;
    });
    if (!distinct) return op_unsupported(data_type_name(x.type));
    return *distinct;
  }

  std::optional<int64_t> axis_;
  bool sorted_;
};

}  // namespace

OpPtr make_unique_elements(std::optional<int64_t> axis, bool sorted) {
  return std::make_shared<UniqueOp>(axis, sorted);
}

}  // namespace sealedge
