// ArgMax and ArgMin.
#include "graph/ops.h"
#include "graph/ops/element_types.h"
#include "graph/ops/support.h"

namespace sealedge {

namespace {

template <typename T>
class ArgKernel final : public Kernel {
 public:
  ArgKernel(ArgKind kind, bool select_last, size_t outer, size_t axis, size_t inner)
      : kind_(kind), select_last_(select_last), outer_(outer), axis_(axis), inner_(inner) {}

  Result<void> run(const RunArgs& args) const override {
    const auto* x = reinterpret_cast<const T*>(args.inputs[0]);
    auto* y = reinterpret_cast<int64_t*>(args.outputs[0]);
    for (size_t o = 0; o < outer_; o++, x += axis_ * inner_) {
      for (size_t i = 0; i < inner_; i++) *y++ = static_cast<int64_t>(best(x + i));
    }
    return {};
  }

 private:
  size_t best(const T* x) const {
    size_t found = 0;
    for (size_t i = 1; i < axis_; i++) {
      const T value = x[i * inner_], best = x[found * inner_];
      if (better(value, best) || (select_last_ && !better(best, value))) found = i;
    }
    return found;
  }

  // A NaN is better than every number, as in numpy: what it stands among has no largest.
  bool better(T a, T b) const {
    if constexpr (kIsFloating<T>) {
      if (a != a || b != b) return a != a && b == b;
    }
    return kind_ == ArgKind::kMax ? a > b : a < b;
  }

  ArgKind kind_;
  bool select_last_;
  size_t outer_, axis_, inner_;
};

class ArgReduceOp final : public LinearTimeOp {
 public:
  ArgReduceOp(ArgKind kind, int64_t axis, bool keepdims, bool select_last)
      : kind_(kind), axis_(axis), keepdims_(keepdims), select_last_(select_last) {}
  const char* op_type() const override { return kind_ == ArgKind::kMax ? "ArgMax" : "ArgMin"; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Operand& x = inputs[0];
    if (!make_kernel(x.type, 0, 0, 0)) return op_unsupported(data_type_name(x.type));
    SEALEDGE_ASSIGN(const size_t axis, resolve_axis(axis_, x.dims.size()));
    if (x.dims[axis] == 0) return shape_mismatch("the axis is empty");
    TensorFact fact{DataType::kInt64, x.dims};
    if (keepdims_) {
      fact.dims[axis] = 1;
    } else {
      fact.dims.erase(fact.dims.begin() + static_cast<ptrdiff_t>(axis));
    }
    return std::vector<TensorFact>{std::move(fact)};
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand& x = setup.inputs[0];
    SEALEDGE_ASSIGN(const size_t axis, resolve_axis(axis_, x.dims.size()));
    size_t outer = 1, inner = 1;
    for (size_t d = 0; d < axis; d++) outer *= static_cast<size_t>(x.dims[d]);
    for (size_t d = axis + 1; d < x.dims.size(); d++) inner *= static_cast<size_t>(x.dims[d]);
    return make_kernel(x.type, outer, static_cast<size_t>(x.dims[axis]), inner);
  }

 private:
  std::unique_ptr<Kernel> make_kernel(DataType type, size_t outer, size_t axis, size_t inner) const {
    return dispatch_type(NumberTypes{}, type, [&]<typename T>() -> std::unique_ptr<Kernel> {
      return std::make_unique<ArgKernel<T>>(kind_, select_last_, outer, axis, inner);
    });
  }

  ArgKind kind_;
  int64_t axis_;
  bool keepdims_, select_last_;
};

}  // namespace

OpPtr make_arg_reduce(ArgKind kind, int64_t axis, bool keepdims, bool select_last_index) {
  return std::make_shared<ArgReduceOp>(kind, axis, keepdims, select_last_index);
}

}  // namespace sealedge
