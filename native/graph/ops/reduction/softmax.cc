// Softmax and LogSoftmax.
#include "kernels/softmax/softmax.h"

#include <cmath>
#include <limits>

#include "graph/ops.h"
#include "graph/ops/element_types.h"
#include "graph/ops/op_parameters.h"
#include "graph/ops/support.h"

namespace sealedge {

namespace {

class SoftmaxKernel final : public Kernel {
 public:
  explicit SoftmaxKernel(F32SoftmaxParams params) : params_(params) {}
  Result<void> run(const RunArgs& args) const override {
    F32SoftmaxParams params = params_;
    params.x = reinterpret_cast<const float*>(args.inputs[0]);
    params.y = reinterpret_cast<float*>(args.outputs[0]);
    f32_softmax(params, kernel_context(args));
    return {};
  }

 private:
  F32SoftmaxParams params_;
};

// float16 and float64. y may be x: an element is read for the last time before it is written.
template <typename T>
class LoopSoftmax final : public Kernel {
 public:
  explicit LoopSoftmax(F32SoftmaxParams params) : params_(params) {}
  Result<void> run(const RunArgs& args) const override {
    const auto* x = reinterpret_cast<const T*>(args.inputs[0]);
    auto* y = reinterpret_cast<T*>(args.outputs[0]);
    const size_t axis = params_.axis, inner = params_.inner;
    for (size_t lane = 0; lane < params_.outer * inner; lane++) {
      const size_t start = lane / inner * axis * inner + lane % inner;
      double most = -std::numeric_limits<double>::infinity(), sum = 0;
      for (size_t i = 0; i < axis; i++) most = std::fmax(most, static_cast<double>(x[start + i * inner]));
      for (size_t i = 0; i < axis; i++) sum += std::exp(static_cast<double>(x[start + i * inner]) - most);
      for (size_t i = 0; i < axis; i++) {
        const double shifted = static_cast<double>(x[start + i * inner]) - most;
        y[start + i * inner] = T(params_.log ? shifted - std::log(sum) : std::exp(shifted) / sum);
      }
    }
    return {};
  }

 private:
  F32SoftmaxParams params_;
};

class SoftmaxOp final : public LinearTimeOp {
 public:
  SoftmaxOp(int64_t axis, bool log, bool coerce_2d) : axis_(axis), log_(log), coerce_2d_(coerce_2d) {}
  SoftmaxParameters parameters() const { return {axis_, log_, coerce_2d_}; }
  const char* op_type() const override { return log_ ? "LogSoftmax" : "Softmax"; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const DataType type = inputs[0].type;
    if (type != DataType::kFloat32 && type != DataType::kFloat64 && type != DataType::kFloat16) {
      return op_unsupported(data_type_name(type));
    }
    SEALEDGE_TRY(axis(inputs[0].dims));
    return std::vector<TensorFact>{{type, inputs[0].dims}};
  }
  // One axis is found in any format; a row of several must be contiguous in the order of the standard.
  FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand> outputs) const override {
    if (coerce_2d_) return Op::choose_formats(inputs, outputs);
    return following_formats(inputs, outputs);
  }
  bool may_overwrite(size_t, std::span<const Operand>, std::span<const Operand>) const override { return true; }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand& x = setup.inputs[0];
    SEALEDGE_ASSIGN(const size_t axis, this->axis(x.dims));
    F32SoftmaxParams params = {.outer = 1, .axis = 1, .inner = 1, .log = log_, .x = nullptr, .y = nullptr};
    if (coerce_2d_) {
      for (size_t d = 0; d < x.dims.size(); d++)
        (d < axis ? params.outer : params.axis) *= static_cast<size_t>(x.dims[d]);
    } else {
      params.axis = static_cast<size_t>(x.dims[axis]);
      params.inner = static_cast<size_t>(strides_of(x.dims, x.format)[axis]);
      const auto inside = params.axis * params.inner;
      params.outer = inside == 0 ? 0 : static_cast<size_t>(element_count(x.dims)) / inside;
    }
    if (x.type == DataType::kFloat32) return std::unique_ptr<Kernel>(std::make_unique<SoftmaxKernel>(params));
    return dispatch_type(TypeList<double, Float16>{}, x.type, [&]<typename T>() -> std::unique_ptr<Kernel> {
      return std::make_unique<LoopSoftmax<T>>(params);
    });
  }

 private:
  // Before opset 13 the axis may be the rank: everything is outside the row.
  Result<size_t> axis(const Dims& dims) const {
    if (coerce_2d_ && axis_ == static_cast<int64_t>(dims.size())) return dims.size();
    return resolve_axis(axis_, dims.size());
  }

  int64_t axis_;
  bool log_, coerce_2d_;
};

}  // namespace

OpPtr make_softmax(int64_t axis, bool log, bool coerce_2d) { return std::make_shared<SoftmaxOp>(axis, log, coerce_2d); }
std::optional<SoftmaxParameters> as_softmax(const Op& op) {
  const auto* softmax = dynamic_cast<const SoftmaxOp*>(&op);
  return softmax ? std::optional(softmax->parameters()) : std::nullopt;
}

}  // namespace sealedge
