// MatMulInteger, QLinearMatMul, and Gemm or MatMul between DequantizeLinear and QuantizeLinear.
#include <algorithm>
#include <cstring>

#include "core/weight_packing.h"
#include "graph/ops/product/matmul_shape.h"
#include "graph/ops/product/product_parameters.h"
#include "graph/ops/support.h"
#include "kernels/qconv/qconv.h"
#include "kernels/qgemm/run_qgemm.h"

namespace sealedge {

namespace {

using P = ProductInput;

// A product (M, K) x (K, N) is a convolution of M images of one pixel with K channels.
Q8ConvParams product_params(const MatMulShape& shape, const ProductParameters& parameters, DataType a_type) {
  WindowGeometry window;
  window.batch = static_cast<size_t>(shape.m);
  return {.window = window,
          .in_channels = static_cast<size_t>(shape.k),
          .out_channels = static_cast<size_t>(shape.n),
          .weights_have_zero_point = parameters.weights_have_zero_point(),
          .x_signed = a_type == DataType::kInt8};
}

class QuantizedMatMulKernel final : public Kernel {
 public:
  // weight == nullptr: B is computed by the model, and packed in scratch in every run.
  QuantizedMatMulKernel(Q8ConvParams params, const ProductParameters& parameters, WeightGeometry packing,
                        const WeightSource* weight, std::vector<size_t> a_index, std::vector<size_t> b_index)
      : params_(params),
        parameters_(parameters),
        packing_(packing),
        weight_(weight),
        a_index_(std::move(a_index)),
        b_index_(std::move(b_index)) {}

  size_t scratch_bytes() const override { return own_bytes() + q8_conv_scratch_bytes(params_); }

  Result<void> run(const RunArgs& args) const override {
    const ProductParameters::Values values = parameters_.read(args.inputs, args.scratch);
    Q8ConvParams params = params_;
    params.x_zero = values.x_zero;
    params.bias = values.bias;
    params.weight_zero = values.weight_zero;
    params.epilogue = values.epilogue;
    KernelContext context = kernel_context(args);
    context.scratch = args.scratch + own_bytes();
    const size_t m = params.window.batch, k = params.in_channels, n = params.out_channels;
    const size_t y_bytes = m * n * q8_output_bytes(values.epilogue.output);
    uint8_t* packed = args.scratch + parameters_.scratch_bytes();
    for (size_t i = 0; i < a_index_.size(); i++) {
      params.x = args.inputs[P::kX] + a_index_[i] * m * k;
      params.y = args.outputs[0] + i * y_bytes;
      if (weight_) {
        q8_conv(params, *weight_, context);
        continue;
      }
      if (i == 0 || b_index_[i] != b_index_[i - 1]) pack(args.inputs[P::kW] + b_index_[i] * k * n, packed);
      q8_conv(params, ResidentWeightSource(packed, packed_bytes()), context);
    }
    return {};
  }

 private:
  size_t packed_bytes() const { return q8_panel16_bytes(params_.in_channels, params_.out_channels); }
  size_t own_bytes() const { return parameters_.scratch_bytes() + (weight_ ? 0 : packed_bytes()); }
  void pack(const uint8_t* b, uint8_t* packed) const {
    if (params_.in_channels == 0) {
      std::memset(packed, 0, packed_bytes());  // nothing but the lane sums
    } else {
      pack_weight(packing_, b, packed);
    }
  }

  Q8ConvParams params_;
  ProductParameters parameters_;
  WeightGeometry packing_;
  const WeightSource* weight_;
  std::vector<size_t> a_index_, b_index_;
};

class QuantizedMatMulOp final : public Op {
 public:
  QuantizedMatMulOp(const char* op_type, bool trans_b, ProductOutput output)
      : op_type_(op_type), trans_b_(trans_b), output_(output) {}
  const char* op_type() const override { return op_type_; }
  bool trans_b() const { return trans_b_; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    SEALEDGE_ASSIGN(MatMulShape shape, resolve_matmul(inputs[P::kX].dims, inputs[P::kW].dims, trans_b_));
    SEALEDGE_ASSIGN(const DataType type, check_product_inputs(inputs, output_, shape.n));
    return std::vector<TensorFact>{{type, std::move(shape.output)}};
  }

  WeightRequest weight_request(size_t input, const TensorFact& constant) const override {
    const WeightLayout layout = product_weight_layout(constant.type, false);
    if (input != P::kW || constant.dims.size() != 2 || element_count(constant.dims) == 0) return {};
    if (layout == WeightLayout::kPlain) return {};
    return {layout, order()};
  }

  bool may_copy_input(size_t input) const override { return product_may_copy(input); }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand &a = setup.inputs[P::kX], &b = setup.inputs[P::kW];
    SEALEDGE_ASSIGN(MatMulShape shape, resolve_matmul(a.dims, b.dims, trans_b_));
    SEALEDGE_ASSIGN(const DataType type, check_product_inputs(setup.inputs, output_, shape.n));
    const ProductParameters parameters(setup.inputs, output_, type, static_cast<size_t>(shape.n));
    MatMulProducts products = matmul_products(shape, a.dims, b.dims);
    shape.m = products.m;
    WeightGeometry packing;
    if (shape.k > 0 && shape.n > 0) {
      const Dims matrix = trans_b_ ? Dims{shape.n, shape.k} : Dims{shape.k, shape.n};
      SEALEDGE_ASSIGN(packing, weight_geometry(product_weight_layout(b.type, false), order(), matrix));
    }
    return std::unique_ptr<Kernel>(
        std::make_unique<QuantizedMatMulKernel>(product_params(shape, parameters, a.type), parameters, packing,
                                                b.weight, std::move(products.a), std::move(products.b)));
  }

 private:
  WeightSourceOrder order() const { return trans_b_ ? WeightSourceOrder::kGemmNK : WeightSourceOrder::kGemmKN; }

  const char* op_type_;
  bool trans_b_;
  ProductOutput output_;
};

}  // namespace

OpPtr make_quantized_matmul(const char* op_type, bool trans_b, ProductOutput output) {
  return std::make_shared<QuantizedMatMulOp>(op_type, trans_b, output);
}

bool is_quantized_matmul(const Op& op, bool* trans_b) {
  const auto* matmul = dynamic_cast<const QuantizedMatMulOp*>(&op);
  if (matmul) *trans_b = matmul->trans_b();
  return matmul != nullptr;
}

int64_t quantized_product_channels(const Op& op, const Dims& w) {
  bool trans_b = false;
  if (is_quantized_conv(op)) return w.empty() ? 0 : w[0];
  if (!is_quantized_matmul(op, &trans_b)) return 0;
  if (w.size() < 2) return 1;
  return trans_b ? w[w.size() - 2] : w.back();
}

}  // namespace sealedge
