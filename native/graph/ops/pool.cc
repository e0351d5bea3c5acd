// MaxPool, AveragePool and their global forms.
#include "kernels/pool/pool.h"

#include "graph/ops.h"
#include "graph/ops/op_parameters.h"
#include "graph/ops/support.h"
#include "graph/ops/window.h"

namespace sealedge {

namespace {

class PoolKernel final : public Kernel {
 public:
  explicit PoolKernel(F32PoolParams params) : params_(params) {}
  Result<void> run(const RunArgs& args) const override {
    F32PoolParams params = params_;
    params.x = reinterpret_cast<const float*>(args.inputs[0]);
    params.y = reinterpret_cast<float*>(args.outputs[0]);
    f32_pool(params, kernel_context(args));
    return {};
  }

 private:
  F32PoolParams params_;
};

// `window` absent: global, the window is all of the input.
class PoolOp final : public Op {
 public:
  PoolOp(PoolKind kind, std::optional<WindowAttributes> window, bool ceil_mode, bool count_include_pad)
      : kind_(kind), window_(std::move(window)), ceil_mode_(ceil_mode), count_include_pad_(count_include_pad) {}

  PoolParameters parameters() const { return {kind_, window_, ceil_mode_, count_include_pad_}; }
  const char* op_type() const override {
    if (kind_ == PoolKind::kMax) return window_ ? "MaxPool" : "GlobalMaxPool";
    return window_ ? "AveragePool" : "GlobalAveragePool";
  }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    if (inputs[0].type != DataType::kFloat32) return op_unsupported(data_type_name(inputs[0].type));
    const Dims& x = inputs[0].dims;
    SEALEDGE_ASSIGN(const WindowGeometry window, geometry(x));
    TensorFact fact{DataType::kFloat32, {x[0], x[1]}};
    const Dims spatial = output_spatial(window, x.size() - 2);
    fact.dims.insert(fact.dims.end(), spatial.begin(), spatial.end());
    return std::vector<TensorFact>{std::move(fact)};
  }

  FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand> outputs) const override {
    return channels_last_formats(inputs, outputs, 1);
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Dims& x = setup.inputs[0].dims;
    SEALEDGE_ASSIGN(const WindowGeometry window, geometry(x));
    return std::unique_ptr<Kernel>(std::make_unique<PoolKernel>(F32PoolParams{.kind = kind_,
                                                                              .window = window,
                                                                              .channels = static_cast<size_t>(x[1]),
                                                                              .count_include_pad = count_include_pad_,
                                                                              .x = nullptr,
                                                                              .y = nullptr}));
  }

 private:
  Result<WindowGeometry> geometry(const Dims& x) const {
    if (window_) return resolve_window(*window_, x, window_->kernel_shape, ceil_mode_);
    if (x.size() < 3) return shape_mismatch("expected at least 3 dimensions, got " + std::to_string(x.size()));
    const std::span<const int64_t> whole(x.begin() + 2, x.end());
    for (int64_t size : whole) {
      if (size == 0) return op_unsupported("a global pool over nothing");
    }
    return resolve_window({}, x, whole, false);
  }

  PoolKind kind_;
  std::optional<WindowAttributes> window_;
  bool ceil_mode_;
  bool count_include_pad_;
};

}  // namespace

OpPtr make_pool(PoolKind kind, WindowAttributes window, bool ceil_mode, bool count_include_pad) {
  return std::make_shared<PoolOp>(kind, std::move(window), ceil_mode, count_include_pad);
}
std::optional<PoolParameters> as_pool(const Op& op) {
  const auto* pool = dynamic_cast<const PoolOp*>(&op);
  return pool ? std::optional(pool->parameters()) : std::nullopt;
}
OpPtr make_global_pool(PoolKind kind) { return std::make_shared<PoolOp>(kind, std::nullopt, false, false); }

}  // namespace sealedge
