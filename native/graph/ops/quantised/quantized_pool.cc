// MaxPool and AveragePool of 8-bit tensors, and their global forms.
#include "kernels/qpool/qpool.h"

#include <limits>

#include "graph/ops/quantised/quantized_ops.h"
#include "graph/ops/support.h"
#include "graph/ops/window.h"

namespace sealedge {

namespace {

class QuantizedPoolKernel final : public Kernel {
 public:
  explicit QuantizedPoolKernel(const Q8PoolParams& params) : params_(params) {}
  Result<void> run(const RunArgs& args) const override {
    Q8PoolParams params = params_;
    params.x = args.inputs[0];
    params.y = args.outputs[0];
    q8_pool(params, kernel_context(args));
    return {};
  }

 private:
  Q8PoolParams params_;
};

class QuantizedPoolOp final : public Op {
 public:
  QuantizedPoolOp(const PoolParameters& pool, const QuantizedType& x, const QuantizedType& y)
      : pool_(pool), x_(x), y_(y) {}
  const char* op_type() const override { return pool_.kind == PoolKind::kMax ? "MaxPool" : "QLinearAveragePool"; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    if (inputs[0].type != x_.type) return model_invalid(std::string("expected ") + data_type_name(x_.type));
    const Dims& x = inputs[0].dims;
    SEALEDGE_ASSIGN(const WindowGeometry window, geometry(x));
    TensorFact fact{y_.type, {x[0], x[1]}};
    const Dims spatial = output_spatial(window, x.size() - 2);
    fact.dims.insert(fact.dims.end(), spatial.begin(), spatial.end());
    return std::vector<TensorFact>{std::move(fact)};
  }

  FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand> outputs) const override {
    return channels_last_formats(inputs, outputs, 1);
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Dims& x = setup.inputs[0].dims;
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    const Q8Step step = y_.writing(-kInfinity, kInfinity);
    SEALEDGE_ASSIGN(const WindowGeometry window, geometry(x));
    return std::unique_ptr<Kernel>(std::make_unique<QuantizedPoolKernel>(Q8PoolParams{
        .kind = pool_.kind,
        .window = window,
        .channels = static_cast<size_t>(x[1]),
        .count_include_pad = pool_.count_include_pad,
        .is_signed = x_.is_signed(),
        .x_zero = x_.zero_point,
        .y_zero = y_.zero_point,
        .ratio = x_.scale / y_.scale,
        .lo = step.lo,
        .hi = step.hi,
    }));
  }

 private:
  Result<WindowGeometry> geometry(const Dims& x) const {
    if (pool_.window) return resolve_window(*pool_.window, x, pool_.window->kernel_shape, pool_.ceil_mode);
    if (x.size() < 3) return shape_mismatch("expected at least 3 dimensions, got " + std::to_string(x.size()));
    const std::span<const int64_t> whole(x.begin() + 2, x.end());
    for (int64_t size : whole) {
      if (size == 0) return op_unsupported("a global pool over nothing");
    }
    return resolve_window({}, x, whole, false);
  }

  PoolParameters pool_;
  QuantizedType x_, y_;
};

}  // namespace

OpPtr make_quantized_pool(const PoolParameters& pool, const QuantizedType& x, const QuantizedType& y) {
  return std::make_shared<QuantizedPoolOp>(pool, x, y);
}

}  // namespace sealedge
