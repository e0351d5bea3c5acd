// TopK: the k largest or smallest elements along an axis, in order, and where they were.
//   X (outer, axis, inner), K -> Values (outer, k, inner), Indices (outer, k, inner)
#include <algorithm>

#include "graph/ops/array/selection.h"
#include "graph/ops/element_types.h"
#include "graph/ops/support.h"

namespace sealedge {

namespace {

struct Lanes {
  size_t outer = 1, axis = 0, inner = 1;
  size_t k = 0;
};

// Of equal elements the earlier one comes first (TopK-11). NaN counts as larger than every number, as numpy sorts it;
// without a place for it the order would depend on the algorithm.
template <typename T>
bool before(T a, T b, bool largest) {
  if constexpr (kIsFloating<T>) {
    const bool a_nan = a != a, b_nan = b != b;
    if (a_nan || b_nan) return largest ? a_nan && !b_nan : !a_nan && b_nan;
  }
  return largest ? a > b : a < b;
}

template <typename T>
class TopKKernel final : public Kernel {
 public:
  TopKKernel(Lanes lanes, bool largest) : lanes_(lanes), largest_(largest) {}
  // The order of one lane.
  size_t scratch_bytes() const override { return lanes_.axis * sizeof(int64_t); }

  Result<void> run(const RunArgs& args) const override {
    const auto* x = reinterpret_cast<const T*>(args.inputs[0]);
    auto* values = reinterpret_cast<T*>(args.outputs[0]);
    auto* indices = args.outputs.size() > 1 ? reinterpret_cast<int64_t*>(args.outputs[1]) : nullptr;
    auto* order = reinterpret_cast<int64_t*>(args.scratch);
    const size_t inner = lanes_.inner;
    for (size_t lane = 0; lane < lanes_.outer * inner; ++lane) {
      const T* from = x + lane / inner * lanes_.axis * inner + lane % inner;
      for (size_t i = 0; i < lanes_.axis; ++i) order[i] = static_cast<int64_t>(i);
      std::partial_sort(order, order + lanes_.k, order + lanes_.axis, [&](int64_t a, int64_t b) {
        const T left = from[static_cast<size_t>(a) * inner], right = from[static_cast<size_t>(b) * inner];
        if (before(left, right, largest_)) return true;
        return !before(right, left, largest_) && a < b;
      });
      const size_t to = lane / inner * lanes_.k * inner + lane % inner;
      for (size_t i = 0; i < lanes_.k; ++i) {
        if (values) values[to + i * inner] = from[static_cast<size_t>(order[i]) * inner];
        if (indices) indices[to + i * inner] = order[i];
      }
    }
    return {};
  }

 private:
  Lanes lanes_;
  bool largest_;
};

class TopKOp final : public Op {
 public:
  TopKOp(int64_t axis, bool largest) : axis_(axis), largest_(largest) {}
  const char* op_type() const override { return "TopK"; }
  bool needs_contents(size_t input) const override { return input == 1; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Operand& x = inputs[0];
    if (!make_kernel(x.type, {})) return op_unsupported(std::string(data_type_name(x.type)) + " input");
    SEALEDGE_ASSIGN(const size_t axis, resolve_axis(axis_, x.dims.size()));
    SEALEDGE_ASSIGN(const std::vector<int64_t> k, shape_argument(inputs[1], "K"));
    if (k.size() != 1) return model_invalid("K: expected one element");
    if (k[0] < 0 || k[0] > x.dims[axis]) {
      return shape_mismatch("K: expected at most " + std::to_string(x.dims[axis]) + ", got " + std::to_string(k[0]));
    }
    TensorFact values{x.type, x.dims};
    values.dims[axis] = k[0];
    return std::vector<TensorFact>{values, {DataType::kInt64, values.dims}};
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Dims& dims = setup.inputs[0].dims;
    const size_t axis = *resolve_axis(axis_, dims.size());
    SEALEDGE_ASSIGN(const std::vector<int64_t> k, shape_argument(setup.inputs[1], "K"));
    Lanes lanes{.axis = static_cast<size_t>(dims[axis]), .k = static_cast<size_t>(k[0])};
    for (size_t d = 0; d < dims.size(); ++d) {
      if (d != axis) (d < axis ? lanes.outer : lanes.inner) *= static_cast<size_t>(dims[d]);
    }
    return make_kernel(setup.inputs[0].type, lanes);
  }

 private:
  std::unique_ptr<Kernel> make_kernel(DataType type, Lanes lanes) const {
    return dispatch_type(NumberTypes{}, type, [&]<typename T>() -> std::unique_ptr<Kernel> {
      return std::make_unique<TopKKernel<T>>(lanes, largest_);
    });
  }

  int64_t axis_;
  bool largest_;
};

}  // namespace

OpPtr make_top_k(int64_t axis, bool largest) { return std::make_shared<TopKOp>(axis, largest); }

}  // namespace sealedge
