#include "graph/ops/product/conv_transpose.h"

#include <algorithm>

#include "core/checked.h"
#include "core/float16.h"
#include "graph/ops/product/fused_epilogue.h"
#include "graph/ops/reference_kernel.h"
#include "graph/ops/support.h"
#include "graph/ops/window.h"
#include "kernels/conv/conv_transpose.h"
#include "kernels/gemm/gemm.h"

namespace sealedge {

namespace {

class FloatConvTranspose final : public Kernel {
 public:
  // weight == nullptr: W is computed by the model, and packed in scratch in every run.
  FloatConvTranspose(F32ConvTransposeParams params, const WeightSource* weight, const EpilogueSetup& epilogue)
      : params_(params), weight_(weight), epilogue_(epilogue) {}

  size_t scratch_bytes() const override {
    return (weight_ ? 0 : weight_bytes()) + f32_conv_transpose_scratch_bytes(params_);
  }
  Result<void> run(const RunArgs& args) const override {
    KernelContext context = kernel_context(args);
    F32ConvTransposeParams params = params_;
    params.x = reinterpret_cast<const float*>(args.inputs[0]);
    params.y = reinterpret_cast<float*>(args.outputs[0]);
    params.epilogue = epilogue_.for_run(args, params.out_channels, context);
    if (weight_) {
      f32_conv_transpose(params, *weight_, context);
    } else {
      f32_pack_panel16(reinterpret_cast<const float*>(args.inputs[1]), params.in_channels, columns(), columns(), 1,
                       reinterpret_cast<float*>(args.scratch));
      context.scratch = args.scratch + weight_bytes();
      f32_conv_transpose(params, ResidentWeightSource(args.scratch, weight_bytes()), context);
    }
    return {};
  }

 private:
  size_t columns() const { return params_.out_channels / params_.groups * params_.window.taps(); }
  size_t weight_bytes() const { return f32_panel16_bytes(params_.in_channels, columns()); }

  F32ConvTransposeParams params_;
  const WeightSource* weight_;
  FusedEpilogue epilogue_;
};

class ConvTransposeOp final : public Op {
 public:
  ConvTransposeOp(WindowAttributes window, std::vector<int64_t> output_padding, std::vector<int64_t> output_shape,
                  int64_t group)
      : window_(std::move(window)),
        output_padding_(std::move(output_padding)),
        output_shape_(std::move(output_shape)),
        group_(group) {}
  const char* op_type() const override { return "ConvTranspose"; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const DataType type = inputs[0].type;
    if (type != DataType::kFloat32 && type != DataType::kFloat64 && type != DataType::kFloat16) {
      return op_unsupported(data_type_name(type));
    }
    for (const Operand& input : inputs) {
      if (input.present && input.type != type) return shape_mismatch("X, W and B have different types");
    }
    const Dims &x = inputs[0].dims, &w = inputs[1].dims;
    SEALEDGE_ASSIGN(const WindowGeometry window, geometry(x, w));
    int64_t channels, columns;
    if (w[0] != x[1] || x[1] % group_ != 0) {
      return shape_mismatch("weight " + dims_to_string(w) + " in " + std::to_string(group_) +
                            " groups does not fit input " + dims_to_string(x));
    }
    if (w[0] == 0 || w[1] == 0) return op_unsupported("a convolution without channels");
    if (!checked_mul(w[1], group_, &channels) || !checked_mul(w[1], static_cast<int64_t>(window.taps()), &columns)) {
      return Error{ErrorCode::kLimitExceeded, "too many channels"};
    }
    if (inputs.size() > 2 && inputs[2].present && inputs[2].dims != Dims{channels}) {
      return shape_mismatch("bias " + dims_to_string(inputs[2].dims) + " does not fit " + std::to_string(channels) +
                            " channels");
    }
    // Scratch holds, of one image, every product before it is added to its place.
    Dims products(x.begin() + 2, x.end());
    products.push_back(columns);
    SEALEDGE_TRY(checked_size_bytes({DataType::kFloat32, products}));
    TensorFact fact{type, {x[0], channels}};
    for (size_t d = 3 - (x.size() - 2); d < 3; d++) fact.dims.push_back(static_cast<int64_t>(window.in[d]));
    return std::vector<TensorFact>{std::move(fact)};
  }

  WeightRequest weight_request(size_t input, const TensorFact& constant) const override {
    const bool packable =
        constant.type == DataType::kFloat32 && constant.dims.size() >= 3 && element_count(constant.dims) > 0;
    if (input != 1 || !packable) return {};
    return {WeightLayout::kPanel16, WeightSourceOrder::kGemmKN};
  }

  EpilogueSupport epilogue_support(std::span<const Operand> inputs) const override {
    if (inputs[0].type != DataType::kFloat32) return {};
    return {.scale_shift = true, .residual = true, .activation = true, .channel_axis = 1, .bias_input = 2};
  }

  FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand> outputs) const override {
    if (inputs[0].type != DataType::kFloat32) return Op::choose_formats(inputs, outputs);
    return channels_last_formats(inputs, outputs, 1);
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand &x = setup.inputs[0], &w = setup.inputs[1];
    SEALEDGE_ASSIGN(const WindowGeometry window, geometry(x.dims, w.dims));
    if (x.type == DataType::kFloat64) return other<double>(window, setup);
    if (x.type == DataType::kFloat16) return other<Float16>(window, setup);
    F32ConvTransposeParams params;
    params.window = window;
    params.in_channels = static_cast<size_t>(x.dims[1]);
    params.out_channels = static_cast<size_t>(w.dims[1] * group_);
    params.groups = static_cast<size_t>(group_);
    return std::unique_ptr<Kernel>(std::make_unique<FloatConvTranspose>(params, w.weight, setup.epilogue));
  }

 private:
  template <typename T>
  Result<std::unique_ptr<Kernel>> other(const WindowGeometry& window, const OpSetup& setup) const {
    return std::unique_ptr<Kernel>(std::make_unique<ReferenceKernel<ConvTransposeReference<T>>>(
        ConvTransposeReference<T>{.window = window,
                                  .in_channels = static_cast<size_t>(setup.inputs[0].dims[1]),
                                  .out_channels = static_cast<size_t>(setup.inputs[1].dims[1] * group_),
                                  .groups = static_cast<size_t>(group_),
                                  .x = nullptr,
                                  .w = nullptr,
                                  .bias = nullptr,
                                  .y = nullptr}));
  }

  Result<WindowGeometry> geometry(const Dims& x, const Dims& w) const {
    SEALEDGE_ASSIGN(const std::span<const int64_t> kernel, filter_window(window_, x, w));
    std::vector<int64_t> spatial = output_shape_;
    if (spatial.size() == x.size()) spatial.erase(spatial.begin(), spatial.begin() + 2);
    return resolve_transposed_window(window_, output_padding_, spatial, x, kernel);
  }

  WindowAttributes window_;
  std::vector<int64_t> output_padding_;
  std::vector<int64_t> output_shape_;
  int64_t group_;
};

}  // namespace

OpPtr make_conv_transpose(WindowAttributes window, std::vector<int64_t> output_padding,
                          std::vector<int64_t> output_shape, int64_t group) {
  return std::make_shared<ConvTransposeOp>(std::move(window), std::move(output_padding), std::move(output_shape),
                                           group);
}

}  // namespace sealedge
