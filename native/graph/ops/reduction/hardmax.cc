// Hardmax: 1 at the first largest element along the axis, 0 elsewhere.
#include "graph/ops/array/selection.h"
#include "graph/ops/element_types.h"
#include "graph/ops/support.h"

namespace sealedge {

namespace {

template <typename T>
class HardmaxKernel final : public Kernel {
 public:
  HardmaxKernel(size_t outer, size_t axis, size_t inner) : outer_(outer), axis_(axis), inner_(inner) {}
  Result<void> run(const RunArgs& args) const override {
    if (axis_ == 0) return {};
    const auto* x = reinterpret_cast<const T*>(args.inputs[0]);
    auto* y = reinterpret_cast<T*>(args.outputs[0]);
    for (size_t lane = 0; lane < outer_ * inner_; ++lane) {
      const size_t start = lane / inner_ * axis_ * inner_ + lane % inner_;
      size_t best = 0;
      for (size_t i = 1; i < axis_; ++i) {
        const T value = x[start + i * inner_], most = x[start + best * inner_];
        if (value > most || (value != value && most == most)) best = i;  // the first NaN is the largest, as in numpy
      }
      for (size_t i = 0; i < axis_; ++i) y[start + i * inner_] = T(i == best ? 1.0f : 0.0f);
    }
    return {};
  }

 private:
  size_t outer_, axis_, inner_;
};

class HardmaxOp final : public LinearTimeOp {
 public:
  HardmaxOp(int64_t axis, bool coerce_2d) : axis_(axis), coerce_2d_(coerce_2d) {}
  const char* op_type() const override { return "Hardmax"; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    if (!make_kernel(inputs[0].type, 0, 0, 0)) return op_unsupported(data_type_name(inputs[0].type));
    SEALEDGE_TRY(axis(inputs[0].dims));
    return std::vector<TensorFact>{{inputs[0].type, inputs[0].dims}};
  }
  bool may_overwrite(size_t, std::span<const Operand>, std::span<const Operand>) const override { return true; }
  bool may_copy_input(size_t) const override { return false; }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Dims& dims = setup.inputs[0].dims;
    SEALEDGE_ASSIGN(const size_t axis, this->axis(dims));
    size_t outer = 1, row = 1, inner = 1;
    for (size_t d = 0; d < dims.size(); ++d) {
      const bool in_row = d == axis || (coerce_2d_ && d > axis);
      (in_row ? row : d < axis ? outer : inner) *= static_cast<size_t>(dims[d]);
    }
    return make_kernel(setup.inputs[0].type, outer, row, inner);
  }

 private:
  // Before opset 13 everything from the axis on is one row, and the axis may be the rank.
  Result<size_t> axis(const Dims& dims) const {
    if (coerce_2d_ && axis_ == static_cast<int64_t>(dims.size())) return dims.size();
    return resolve_axis(axis_, dims.size());
  }
  static std::unique_ptr<Kernel> make_kernel(DataType type, size_t outer, size_t axis, size_t inner) {
    return dispatch_type(FloatTypes{}, type, [&]<typename T>() -> std::unique_ptr<Kernel> {
      return std::make_unique<HardmaxKernel<T>>(outer, axis, inner);
    });
  }

  int64_t axis_;
  bool coerce_2d_;
};

}  // namespace

OpPtr make_hardmax(int64_t axis, bool coerce_2d) { return std::make_shared<HardmaxOp>(axis, coerce_2d); }

}  // namespace sealedge
