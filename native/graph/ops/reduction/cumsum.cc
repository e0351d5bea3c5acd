// CumSum and CumProd: running sums and products along an axis, which is a tensor of its own and may be computed by the
// model.
#include "graph/ops/array/selection.h"
#include "graph/ops/element_types.h"
#include "graph/ops/support.h"
#include "graph/ops/walk.h"

namespace sealedge {

namespace {

template <typename T, bool kProduct>
class CumulativeKernel final : public Kernel {
 public:
  CumulativeKernel(Dims dims, DataType axis_type, bool exclusive, bool reverse)
      : dims_(std::move(dims)), axis_type_(axis_type), exclusive_(exclusive), reverse_(reverse) {}

  Result<void> run(const RunArgs& args) const override {
    const auto* x = reinterpret_cast<const T*>(args.inputs[0]);
    auto* y = reinterpret_cast<T*>(args.outputs[0]);
    const auto rank = static_cast<int64_t>(dims_.size());
    const int64_t given = IndexReader(args.inputs[1], axis_type_)[0];
    const int64_t axis = resolve_index(given, rank);
    if (axis < 0) return index_out_of_range(given, rank);
    size_t inner = 1, outer = 1;
    for (int64_t d = 0; d < rank; ++d) {
      if (d != axis) (d < axis ? outer : inner) *= static_cast<size_t>(dims_[static_cast<size_t>(d)]);
    }
    const auto count = static_cast<size_t>(dims_[static_cast<size_t>(axis)]);
    for (size_t o = 0; o < outer; ++o, x += count * inner, y += count * inner) {
      for (size_t i = 0; i < inner; ++i) run_lane(x + i, y + i, count, inner);
    }
    return {};
  }

 private:
  // Integers wrap around.
  using Total = std::conditional_t<std::is_integral_v<T>, uint64_t, Arithmetic<T>>;
  static Total widened(T x) {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<Total>(static_cast<int64_t>(x));
    } else {
      return static_cast<Total>(x);
    }
  }
  void run_lane(const T* x, T* y, size_t count, size_t step) const {
    Total total{kProduct ? 1 : 0};
    for (size_t i = 0; i < count; ++i) {
      const size_t at = (reverse_ ? count - 1 - i : i) * step;
      const Total value = widened(x[at]);  // read before y is written: both may be one tensor
      const Total next = kProduct ? total * value : total + value;
      y[at] = static_cast<T>(exclusive_ ? total : next);
      total = next;
    }
  }

  Dims dims_;
  DataType axis_type_;
  bool exclusive_, reverse_;
};

class CumulativeOp final : public LinearTimeOp {
 public:
  CumulativeOp(bool product, bool exclusive, bool reverse)
      : product_(product), exclusive_(exclusive), reverse_(reverse) {}
  const char* op_type() const override { return product_ ? "CumProd" : "CumSum"; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Operand &x = inputs[0], &axis = inputs[1];
    if (!make_kernel(x, axis.type)) return op_unsupported(std::string(data_type_name(x.type)) + " input");
    if (!IndexReader::accepts(axis.type) || element_count(axis.dims) != 1) {
      return model_invalid("axis: expected one int32 or int64");
    }
    if (x.dims.empty()) return shape_mismatch("a scalar has no axis");
    if (axis.data) SEALEDGE_TRY(resolve_axis(IndexReader(axis.data, axis.type)[0], x.dims.size()));
    return std::vector<TensorFact>{{x.type, x.dims}};
  }
  bool may_overwrite(size_t input, std::span<const Operand>, std::span<const Operand>) const override {
    return input == 0;
  }
  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    return make_kernel(setup.inputs[0], setup.inputs[1].type);
  }

 private:
  std::unique_ptr<Kernel> make_kernel(const Operand& x, DataType axis_type) const {
    return dispatch_type(NumberTypes{}, x.type, [&]<typename T>() -> std::unique_ptr<Kernel> {
      if (product_) return std::make_unique<CumulativeKernel<T, true>>(x.dims, axis_type, exclusive_, reverse_);
      return std::make_unique<CumulativeKernel<T, false>>(x.dims, axis_type, exclusive_, reverse_);
    });
  }

  bool product_, exclusive_, reverse_;
};

}  // namespace

OpPtr make_cumsum(bool exclusive, bool reverse) { return std::make_shared<CumulativeOp>(false, exclusive, reverse); }
OpPtr make_cumprod(bool exclusive, bool reverse) { return std::make_shared<CumulativeOp>(true, exclusive, reverse); }

}  // namespace sealedge
