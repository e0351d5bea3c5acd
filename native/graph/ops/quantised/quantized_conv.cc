// ConvInteger, QLinearConv, and Conv between DequantizeLinear and QuantizeLinear.
#include <algorithm>

#include "core/checked.h"
#include "core/weight_packing.h"
#include "graph/ops/product/product_parameters.h"
#include "graph/ops/support.h"
#include "graph/ops/window.h"
#include "kernels/qconv/qconv.h"
#include "kernels/qdepthwise/qdepthwise.h"

namespace sealedge {

namespace {

using P = ProductInput;

constexpr auto kMaxTaps = static_cast<int64_t>(kMaxQ8DepthwiseTaps);

// The windows written out one by one: bounded like any tensor, as the padded input is.
Result<void> check_windows_size(const WindowGeometry& window, int64_t depth) {
  int64_t elements = depth + 3;
  bool fits = checked_mul(elements, static_cast<int64_t>(window.batch), &elements);
  for (size_t size : window.out) fits = fits && checked_mul(elements, static_cast<int64_t>(size), &elements);
  if (!fits || elements > kMaxElements) return Error{ErrorCode::kLimitExceeded, "the windows are too large"};
  return {};
}

// Params is Q8ConvParams or Q8DepthwiseParams. weight == nullptr: W is computed by the model, and packed in scratch in
// every run.
template <typename Params>
class QuantizedConvKernel final : public Kernel {
 public:
  QuantizedConvKernel(Params params, const ProductParameters& parameters, const WeightSource* weight,
                      const WeightGeometry& geometry, unsigned threads)
      : params_(params), parameters_(parameters), weight_(weight), geometry_(geometry), threads_(threads) {}

  size_t scratch_bytes() const override { return own_bytes() + kernel_bytes(params_); }

  Result<void> run(const RunArgs& args) const override {
    const ProductParameters::Values values = parameters_.read(args.inputs, args.scratch);
    Params params = params_;
    params.x_zero = values.x_zero;
    params.x = args.inputs[P::kX];
    params.bias = values.bias;
    params.weight_zero = values.weight_zero;
    params.y = args.outputs[0];
    params.epilogue = values.epilogue;
    KernelContext context = kernel_context(args);
    context.scratch = args.scratch + own_bytes();
    if (weight_) {
      compute(params, *weight_, context);
    } else {
      uint8_t* packed = args.scratch + parameters_.scratch_bytes();
      pack_weight(geometry_, args.inputs[P::kW], packed);
      compute(params, ResidentWeightSource(packed, geometry_.size_bytes), context);
    }
    return {};
  }

 private:
  size_t own_bytes() const {
    return parameters_.scratch_bytes() + (weight_ ? 0 : (geometry_.size_bytes + 63) / 64 * 64);
  }
  size_t kernel_bytes(const Q8ConvParams& params) const { return q8_conv_scratch_bytes(params); }
  size_t kernel_bytes(const Q8DepthwiseParams& params) const { return q8_depthwise_scratch_bytes(params, threads_); }
  static void compute(const Q8ConvParams& params, const WeightSource& weight, const KernelContext& context) {
    q8_conv(params, weight, context);
  }
  static void compute(const Q8DepthwiseParams& params, const WeightSource& weight, const KernelContext& context) {
    q8_depthwise(params, weight, context);
  }

  Params params_;
  ProductParameters parameters_;
  const WeightSource* weight_;
  WeightGeometry geometry_;
  unsigned threads_;
};

class QuantizedConvOp final : public Op {
 public:
  QuantizedConvOp(const char* op_type, WindowAttributes window, int64_t group, ProductOutput output)
      : op_type_(op_type), window_(std::move(window)), group_(group), output_(output) {}
  const char* op_type() const override { return op_type_; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Dims &x = inputs[P::kX].dims, &w = inputs[P::kW].dims;
    SEALEDGE_ASSIGN(const WindowGeometry window, geometry(x, w));
    if (x[1] % group_ != 0 || w[1] != x[1] / group_ || w[0] % group_ != 0) {
      return shape_mismatch("weight " + dims_to_string(w) + " in " + std::to_string(group_) +
                            " groups does not fit input " + dims_to_string(x));
    }
    if (w[0] == 0 || w[1] == 0) return op_unsupported("a convolution without channels");
    SEALEDGE_TRY(check_padded_size(window, x[1]));
    SEALEDGE_TRY(check_windows_size(window, element_count(w) / w[0]));
    SEALEDGE_ASSIGN(const DataType type, check_product_inputs(inputs, output_, w[0]));
    TensorFact fact{type, {x[0], w[0]}};
    const Dims spatial = output_spatial(window, x.size() - 2);
    fact.dims.insert(fact.dims.end(), spatial.begin(), spatial.end());
    return std::vector<TensorFact>{std::move(fact)};
  }

  WeightRequest weight_request(size_t input, const TensorFact& constant) const override {
    const WeightLayout layout = product_weight_layout(constant.type, is_depthwise(constant.dims, group_, kMaxTaps));
    if (input != P::kW || layout == WeightLayout::kPlain || constant.dims.size() < 3) return {};
    if (element_count(constant.dims) == 0) return {};
    return {layout, WeightSourceOrder::kConvOIHW};
  }

  // A row-major input is converted in the pass that pads it.
  FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand> outputs) const override {
    FormatChoice choice = channels_last_formats(inputs, outputs, 1);
    choice.inputs[0] = inputs[0].format;
    return choice;
  }

  bool may_copy_input(size_t input) const override { return product_may_copy(input); }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand &x = setup.inputs[P::kX], &w = setup.inputs[P::kW];
    SEALEDGE_ASSIGN(const WindowGeometry window, geometry(x.dims, w.dims));
    SEALEDGE_ASSIGN(const DataType type, check_product_inputs(setup.inputs, output_, w.dims[0]));
    const ProductParameters parameters(setup.inputs, output_, type, static_cast<size_t>(w.dims[0]));
    const bool depthwise = is_depthwise(w.dims, group_, kMaxTaps);
    SEALEDGE_ASSIGN(const WeightGeometry packed,
                    weight_geometry(product_weight_layout(w.type, depthwise), WeightSourceOrder::kConvOIHW, w.dims));
    const bool channels_first = x.format == Format::kRowMajor, is_signed = x.type == DataType::kInt8;
    if (depthwise) {
      const Q8DepthwiseParams params = {.window = window,
                                        .channels = static_cast<size_t>(group_),
                                        .x_channels_first = channels_first,
                                        .x_signed = is_signed};
      return std::unique_ptr<Kernel>(std::make_unique<QuantizedConvKernel<Q8DepthwiseParams>>(
          params, parameters, w.weight, packed, setup.threads));
    }
    const Q8ConvParams params = {.window = window,
                                 .in_channels = static_cast<size_t>(x.dims[1]),
                                 .out_channels = static_cast<size_t>(w.dims[0]),
                                 .groups = static_cast<size_t>(group_),
                                 .x_channels_first = channels_first,
                                 .weights_have_zero_point = parameters.weights_have_zero_point(),
                                 .x_signed = is_signed};
    return std::unique_ptr<Kernel>(
        std::make_unique<QuantizedConvKernel<Q8ConvParams>>(params, parameters, w.weight, packed, setup.threads));
  }

 private:
  Result<WindowGeometry> geometry(const Dims& x, const Dims& w) const {
    SEALEDGE_ASSIGN(const std::span<const int64_t> kernel, filter_window(window_, x, w));
    return resolve_window(window_, x, kernel, false);
  }

  const char* op_type_;
  WindowAttributes window_;
  int64_t group_;
  ProductOutput output_;
};

}  // namespace

OpPtr make_quantized_conv(const char* op_type, WindowAttributes window, int64_t group, ProductOutput output) {
  return std::make_shared<QuantizedConvOp>(op_type, std::move(window), group, output);
}

bool is_quantized_conv(const Op& op) { return dynamic_cast<const QuantizedConvOp*>(&op) != nullptr; }

}  // namespace sealedge
