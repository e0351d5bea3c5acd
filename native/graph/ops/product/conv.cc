// Conv. A filter per channel (depthwise) and everything else have kernels and weight layouts of their own.
#include "kernels/conv/conv.h"
#include <algorithm>

#include "core/weight_packing.h"
#include "graph/ops.h"
#include "graph/ops/element_types.h"
#include "graph/ops/op_parameters.h"
#include "graph/ops/product/fused_epilogue.h"
#include "graph/ops/reference_kernel.h"
#include "graph/ops/support.h"
#include "graph/ops/window.h"
#include "kernels/depthwise/depthwise.h"

namespace sealedge {

namespace {

// A depthwise filter is one piece of a weight source; longer ones go the general way.
constexpr int64_t kMaxDepthwiseTaps = kMaxPanelBytes / (kPanelLanes * sizeof(float));

class DepthwiseKernel final : public Kernel {
 public:
  DepthwiseKernel(F32DepthwiseParams params, const WeightSource& weight, const OpSetup& setup)
      : params_(params), weight_(weight), epilogue_(setup.epilogue), threads_(setup.threads) {}

  size_t scratch_bytes() const override { return f32_depthwise_scratch_bytes(params_, threads_); }
  Result<void> run(const RunArgs& args) const override {
    const KernelContext context = kernel_context(args);
    F32DepthwiseParams params = params_;
    params.x = reinterpret_cast<const float*>(args.inputs[0]);
    params.y = reinterpret_cast<float*>(args.outputs[0]);
    params.epilogue = epilogue_.for_run(args, params.channels, context);
    f32_depthwise(params, weight_, context);
    return {};
  }

 private:
  F32DepthwiseParams params_;
  const WeightSource& weight_;
  FusedEpilogue epilogue_;
  unsigned threads_;
};

class ConvKernel final : public Kernel {
 public:
  // weight == nullptr: W is computed by the model, and packed in scratch in every run.
  ConvKernel(F32ConvParams params, const WeightSource* weight, WeightGeometry geometry, const EpilogueSetup& epilogue)
      : params_(params), weight_(weight), geometry_(geometry), epilogue_(epilogue) {}

  size_t scratch_bytes() const override {
    return f32_conv_scratch_bytes(params_) + (weight_ ? 0 : geometry_.size_bytes);
  }
  Result<void> run(const RunArgs& args) const override {
    KernelContext context = kernel_context(args);
    F32ConvParams params = params_;
    params.x = reinterpret_cast<const float*>(args.inputs[0]);
    params.y = reinterpret_cast<float*>(args.outputs[0]);
    params.epilogue = epilogue_.for_run(args, params.out_channels, context);
    if (weight_) {
      f32_conv(params, *weight_, context);
    } else {
      pack_weight(geometry_, args.inputs[1], args.scratch);
      context.scratch = args.scratch + geometry_.size_bytes;
      f32_conv(params, ResidentWeightSource(args.scratch, geometry_.size_bytes), context);
    }
    return {};
  }

 private:
  F32ConvParams params_;
  const WeightSource* weight_;
  WeightGeometry geometry_;
  FusedEpilogue epilogue_;
};

class ConvOp final : public Op {
 public:
  ConvOp(WindowAttributes window, int64_t group) : window_(std::move(window)), group_(group) {}
  const char* op_type() const override { return "Conv"; }
  ConvParameters parameters() const { return {window_, group_}; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const DataType type = inputs[0].type;
    if (!dispatch_type(FloatTypes{}, type, []<typename T>() { return true; })) {
      return op_unsupported(data_type_name(type));
    }
    for (const Operand& input : inputs) {
      if (input.present && input.type != type) return shape_mismatch("X, W and B have different types");
    }
    const Dims &x = inputs[0].dims, &w = inputs[1].dims;
    SEALEDGE_ASSIGN(const WindowGeometry window, geometry(x, w));
    if (x[1] % group_ != 0 || w[1] != x[1] / group_ || w[0] % group_ != 0) {
      return shape_mismatch("weight " + dims_to_string(w) + " in " + std::to_string(group_) +
                            " groups does not fit input " + dims_to_string(x));
    }
    SEALEDGE_TRY(check_padded_size(window, x[1]));
    if (w[0] == 0 || w[1] == 0) return op_unsupported("a convolution without channels");
    if (inputs.size() > 2 && inputs[2].present && inputs[2].dims != Dims{w[0]}) {
      return shape_mismatch("bias " + dims_to_string(inputs[2].dims) + " does not fit " + std::to_string(w[0]) +
                            " channels");
    }
    TensorFact fact{type, {x[0], w[0]}};
    const Dims spatial = output_spatial(window, x.size() - 2);
    fact.dims.insert(fact.dims.end(), spatial.begin(), spatial.end());
    return std::vector<TensorFact>{std::move(fact)};
  }

  WeightRequest weight_request(size_t input, const TensorFact& constant) const override {
    const bool packable =
        constant.type == DataType::kFloat32 && constant.dims.size() >= 3 && element_count(constant.dims) > 0;
    if (input != 1 || !packable) return {};
    const bool depthwise = is_depthwise(constant.dims, group_, kMaxDepthwiseTaps);
    return {depthwise ? WeightLayout::kDepthwise16 : WeightLayout::kPanel16, WeightSourceOrder::kConvOIHW};
  }

  EpilogueSupport epilogue_support(std::span<const Operand> inputs) const override {
    if (inputs[0].type != DataType::kFloat32) return {};
    return {.scale_shift = true, .residual = true, .activation = true, .channel_axis = 1, .bias_input = 2};
  }

  // The general kernel converts a row-major input in the same pass that pads it.
  FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand> outputs) const override {
    if (inputs[0].type != DataType::kFloat32) return Op::choose_formats(inputs, outputs);
    FormatChoice choice = channels_last_formats(inputs, outputs, 1);
    if (!inputs[1].constant || !is_depthwise(inputs[1].dims, group_, kMaxDepthwiseTaps))
      choice.inputs[0] = inputs[0].format;
    return choice;
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand &x = setup.inputs[0], &w = setup.inputs[1];
    SEALEDGE_ASSIGN(const WindowGeometry window, geometry(x.dims, w.dims));
    if (x.type != DataType::kFloat32) {
      return dispatch_type(FloatTypes{}, x.type, [&]<typename T>() {
        return std::unique_ptr<Kernel>(std::make_unique<ReferenceKernel<ConvReference<T>>>(
            ConvReference<T>{.window = window,
                             .in_channels = static_cast<size_t>(x.dims[1]),
                             .out_channels = static_cast<size_t>(w.dims[0]),
                             .groups = static_cast<size_t>(group_),
                             .x = nullptr,
                             .w = nullptr,
                             .bias = nullptr,
                             .y = nullptr}));
      });
    }
    if (w.weight && is_depthwise(w.dims, group_, kMaxDepthwiseTaps)) {
      const F32DepthwiseParams params = {
          .window = window, .channels = static_cast<size_t>(group_), .x = nullptr, .y = nullptr};
      return std::unique_ptr<Kernel>(std::make_unique<DepthwiseKernel>(params, *w.weight, setup));
    }
    const F32ConvParams params = {.window = window,
                                  .in_channels = static_cast<size_t>(x.dims[1]),
                                  .out_channels = static_cast<size_t>(w.dims[0]),
                                  .groups = static_cast<size_t>(group_),
                                  .x = nullptr,
                                  .x_channels_first = x.format == Format::kRowMajor,
                                  .y = nullptr};
    SEALEDGE_ASSIGN(const WeightGeometry packed,
                    weight_geometry(WeightLayout::kPanel16, WeightSourceOrder::kConvOIHW, w.dims));
    return std::unique_ptr<Kernel>(std::make_unique<ConvKernel>(params, w.weight, packed, setup.epilogue));
  }

 private:
  Result<WindowGeometry> geometry(const Dims& x, const Dims& w) const {
    SEALEDGE_ASSIGN(const std::span<const int64_t> kernel, filter_window(window_, x, w));
    return resolve_window(window_, x, kernel, false);
  }

  WindowAttributes window_;
  int64_t group_;
};

}  // namespace

OpPtr make_conv(WindowAttributes window, int64_t group) { return std::make_shared<ConvOp>(std::move(window), group); }
std::optional<ConvParameters> as_conv(const Op& op) {
  const auto* conv = dynamic_cast<const ConvOp*>(&op);
  return conv ? std::optional(conv->parameters()) : std::nullopt;
}
OpPtr make_depthwise_conv(WindowAttributes window, int64_t channels) { return make_conv(std::move(window), channels); }

}  // namespace sealedge
