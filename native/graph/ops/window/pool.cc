// MaxPool, AveragePool, LpPool and their global forms.
#include "kernels/pool/pool.h"

#include "graph/ops.h"
#include "graph/ops/element_types.h"
#include "graph/ops/op_parameters.h"
#include "graph/ops/support.h"
#include "graph/ops/window.h"
#include "graph/ops/window/pooling.h"
#include "kernels/parallel.h"
#include "kernels/pool/pool_reference.h"

namespace sealedge {

namespace {

struct PoolAttributes {
  PoolKind kind;
  std::optional<WindowAttributes> window = std::nullopt;  // absent: global, the window is all of the input
  bool ceil_mode = false;
  bool count_include_pad = false;
  bool indices = false;       // are wanted
  bool column_major = false;  // in them
  float p = 2;
};

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

template <typename T>
class OtherPool final : public Kernel {
 public:
  OtherPool(PoolReference<T> reference, size_t planes) : reference_(reference), planes_(planes) {}
  Result<void> run(const RunArgs& args) const override {
    PoolReference<T> reference = reference_;
    reference.x = reinterpret_cast<const T*>(args.inputs[0]);
    reference.y = reinterpret_cast<T*>(args.outputs[0]);
    if (args.outputs.size() > 1) reference.indices = reinterpret_cast<int64_t*>(args.outputs[1]);
    const KernelContext context = kernel_context(args);
    const size_t work = reference.window.out_pixels() * reference.window.taps() * kMoveWork;
    const size_t parts = parts_for(context.parallel, planes_, work);
    parallel_for(context.parallel, parts, [&](size_t index, unsigned) {
      const Part part = part_of(planes_, index, parts);
      for (size_t plane = part.begin; plane < part.end; plane++) reference.run(plane);
    });
    return {};
  }

 private:
  PoolReference<T> reference_;
  size_t planes_;
};

class PoolOp final : public Op {
 public:
  explicit PoolOp(PoolAttributes attributes) : attributes_(std::move(attributes)) {}

  std::optional<PoolParameters> parameters() const {
    const PoolAttributes& a = attributes_;
    if (a.kind == PoolKind::kLp || a.indices) return std::nullopt;
    return PoolParameters{a.kind, a.window, a.ceil_mode, a.count_include_pad};
  }
  const char* op_type() const override {
    const bool global = !attributes_.window;
    switch (attributes_.kind) {
      case PoolKind::kMax:
        return global ? "GlobalMaxPool" : "MaxPool";
      case PoolKind::kAverage:
        return global ? "GlobalAveragePool" : "AveragePool";
      case PoolKind::kLp:
        break;
    }
    return global ? "GlobalLpPool" : "LpPool";
  }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const DataType type = inputs[0].type;
    const bool bytes = type == DataType::kInt8 || type == DataType::kUint8;
    if (!is_float(type) && !(attributes_.kind == PoolKind::kMax && bytes)) return op_unsupported(data_type_name(type));
    if (!(attributes_.p > 0)) return model_invalid("p must be positive");
    const Dims& x = inputs[0].dims;
    SEALEDGE_ASSIGN(const WindowGeometry window, geometry(x));
    TensorFact fact{type, {x[0], x[1]}};
    if (attributes_.window) {
      const Dims spatial = output_spatial(window, x.size() - 2);
      fact.dims.insert(fact.dims.end(), spatial.begin(), spatial.end());
    } else {
      fact.dims.resize(x.size(), 1);
    }
    std::vector<TensorFact> facts = {fact};
    if (attributes_.kind == PoolKind::kMax && attributes_.window) facts.push_back({DataType::kInt64, fact.dims});
    return facts;
  }

  FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand> outputs) const override {
    if (!has_kernel(inputs, outputs)) return Op::choose_formats(inputs, outputs);
    return channels_last_formats(inputs, outputs, 1);
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand& x = setup.inputs[0];
    SEALEDGE_ASSIGN(const WindowGeometry window, geometry(x.dims));
    if (has_kernel(setup.inputs, setup.outputs)) {
      return std::unique_ptr<Kernel>(
          std::make_unique<PoolKernel>(F32PoolParams{.kind = attributes_.kind,
                                                     .window = window,
                                                     .channels = static_cast<size_t>(x.dims[1]),
                                                     .count_include_pad = attributes_.count_include_pad,
                                                     .x = nullptr,
                                                     .y = nullptr}));
    }
    return dispatch_type(FloatTypes{} + TypeList<int8_t, uint8_t>{}, x.type, [&]<typename T>() {
      return std::unique_ptr<Kernel>(
          std::make_unique<OtherPool<T>>(PoolReference<T>{.kind = attributes_.kind,
                                                          .window = window,
                                                          .count_include_pad = attributes_.count_include_pad,
                                                          .column_major = attributes_.column_major,
                                                          .p = static_cast<double>(attributes_.p)},
                                         window.batch * static_cast<size_t>(x.dims[1])));
    });
  }

 private:
  static bool is_float(DataType type) {
    return dispatch_type(FloatTypes{}, type, []<typename T>() { return true; });
  }
  bool has_kernel(std::span<const Operand> inputs, std::span<const Operand> outputs) const {
    const bool indices = outputs.size() > 1 && outputs[1].present;
    return attributes_.kind != PoolKind::kLp && inputs[0].type == DataType::kFloat32 && !indices;
  }

  Result<WindowGeometry> geometry(const Dims& x) const {
    if (attributes_.window) {
      return resolve_window(*attributes_.window, x, attributes_.window->kernel_shape, attributes_.ceil_mode);
    }
    if (x.size() < 2) return shape_mismatch("expected at least 2 dimensions, got " + std::to_string(x.size()));
    // All spatial dimensions are one long one: where a value lies does not matter.
    WindowGeometry window;
    window.batch = static_cast<size_t>(x[0]);
    for (size_t d = 2; d < x.size(); d++) window.in[2] *= static_cast<size_t>(x[d]);
    if (window.in[2] == 0) return op_unsupported("a global pool over nothing");
    window.kernel[2] = window.in[2];
    return window;
  }

  PoolAttributes attributes_;
};

OpPtr make(PoolAttributes attributes) { return std::make_shared<PoolOp>(std::move(attributes)); }

}  // namespace

OpPtr make_pool(PoolKind kind, WindowAttributes window, bool ceil_mode, bool count_include_pad) {
  return make(
      {.kind = kind, .window = std::move(window), .ceil_mode = ceil_mode, .count_include_pad = count_include_pad});
}
std::optional<PoolParameters> as_pool(const Op& op) {
  const auto* pool = dynamic_cast<const PoolOp*>(&op);
  return pool ? pool->parameters() : std::nullopt;
}
OpPtr make_global_pool(PoolKind kind) { return make({.kind = kind}); }

OpPtr make_max_pool(WindowAttributes window, bool ceil_mode, bool column_major) {
  return make({.kind = PoolKind::kMax,
               .window = std::move(window),
               .ceil_mode = ceil_mode,
               .indices = true,
               .column_major = column_major});
}
OpPtr make_lp_pool(WindowAttributes window, bool ceil_mode, float p) {
  return make({.kind = PoolKind::kLp, .window = std::move(window), .ceil_mode = ceil_mode, .p = p});
}
OpPtr make_global_lp_pool(float p) { return make({.kind = PoolKind::kLp, .p = p}); }

}  // namespace sealedge
