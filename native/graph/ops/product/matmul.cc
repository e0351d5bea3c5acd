// MatMul: numpy.matmul, with the last two dimensions of B swapped when a Transpose was folded into it.
#include "graph/ops.h"
#include "graph/ops/product/fused_epilogue.h"
#include "graph/ops/product/matmul_shape.h"
#include "graph/ops/product/product_loops.h"
#include "graph/ops/support.h"
#include "kernels/gemm/gemm.h"

namespace sealedge {

namespace {

class MatMulKernel final : public Kernel {
 public:
  MatMulKernel(F32GemmParams shape, bool trans_b, const WeightSource* weight, std::vector<size_t> a_index,
               std::vector<size_t> b_index, const EpilogueSetup& epilogue)
      : shape_(shape),
        trans_b_(trans_b),
        weight_(weight),
        a_index_(std::move(a_index)),
        b_index_(std::move(b_index)),
        epilogue_(epilogue) {}

  size_t scratch_bytes() const override { return weight_ ? 0 : f32_panel16_bytes(shape_.k, shape_.n); }

  Result<void> run(const RunArgs& args) const override {
    const KernelContext context = kernel_context(args);
    const auto* a = reinterpret_cast<const float*>(args.inputs[0]);
    const auto* b = reinterpret_cast<const float*>(args.inputs[1]);
    auto* y = reinterpret_cast<float*>(args.outputs[0]);
    const size_t k = shape_.k, n = shape_.n;
    F32GemmParams params = shape_;
    params.epilogue = epilogue_.for_run(args, n, context);
    for (size_t i = 0; i < a_index_.size(); i++) {
      params.a = a + a_index_[i] * params.m * k;
      params.c = y + i * params.m * n;
      if (params.epilogue.residual) params.epilogue.residual = args.residual + i * params.m * n;
      if (weight_) {
        f32_gemm(params, *weight_, context);
        continue;
      }
      if (i == 0 || b_index_[i] != b_index_[i - 1]) {
        f32_pack_panel16(b + b_index_[i] * k * n, k, n, trans_b_ ? 1 : n, trans_b_ ? k : 1,
                         reinterpret_cast<float*>(args.scratch));
      }
      f32_gemm(params, ResidentWeightSource(args.scratch, f32_panel16_bytes(k, n)), context);
    }
    return {};
  }

 private:
  F32GemmParams shape_;
  bool trans_b_;
  const WeightSource* weight_;
  std::vector<size_t> a_index_, b_index_;
  FusedEpilogue epilogue_;
};

// Other element types: one product per batch entry, on plain loops.
class LoopMatMulKernel final : public Kernel {
 public:
  LoopMatMulKernel(DataType type, LoopProduct product, std::vector<size_t> a_index, std::vector<size_t> b_index)
      : function_(find_product_loop(type)),
        product_(product),
        element_bytes_(data_type_size_bytes(type)),
        a_index_(std::move(a_index)),
        b_index_(std::move(b_index)) {}

  Result<void> run(const RunArgs& args) const override {
    const KernelContext context = kernel_context(args);
    const size_t a_bytes = product_.m * product_.k * element_bytes_, b_bytes = product_.k * product_.n * element_bytes_;
    for (size_t i = 0; i < a_index_.size(); i++) {
      function_(product_, args.inputs[0] + a_index_[i] * a_bytes, args.inputs[1] + b_index_[i] * b_bytes,
                args.outputs[0] + i * product_.m * product_.n * element_bytes_, context);
    }
    return {};
  }

 private:
  ProductLoop function_;
  LoopProduct product_;
  size_t element_bytes_;
  std::vector<size_t> a_index_, b_index_;
};

class MatMulOp final : public Op {
 public:
  explicit MatMulOp(bool trans_b) : trans_b_(trans_b) {}
  const char* op_type() const override { return "MatMul"; }
  bool trans_b() const { return trans_b_; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    SEALEDGE_TRY(check_product_types(inputs));
    SEALEDGE_ASSIGN(MatMulShape product, resolve_matmul(inputs[0].dims, inputs[1].dims, trans_b_));
    return std::vector<TensorFact>{{inputs[0].type, std::move(product.output)}};
  }

  double work(std::span<const Operand> inputs, std::span<const Operand> outputs) const override {
    return linear_work(inputs, outputs) + element_count(outputs) * static_cast<double>(inputs[0].dims.back());
  }

  WeightRequest weight_request(size_t input, const TensorFact& constant) const override {
    const bool packable =
        constant.type == DataType::kFloat32 && constant.dims.size() == 2 && element_count(constant.dims) > 0;
    if (input != 1 || !packable) return {};
    return {WeightLayout::kPanel16, trans_b_ ? WeightSourceOrder::kGemmNK : WeightSourceOrder::kGemmKN};
  }

  // A vector B leaves no channel axis.
  EpilogueSupport epilogue_support(std::span<const Operand> inputs) const override {
    if (inputs[0].type != DataType::kFloat32 || inputs[1].dims.size() < 2) return {};
    return {.scale_shift = true, .residual = true, .activation = true, .channel_axis = -1};
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand &a = setup.inputs[0], &b = setup.inputs[1];
    SEALEDGE_ASSIGN(const MatMulShape product, resolve_matmul(a.dims, b.dims, trans_b_));
    MatMulProducts products = matmul_products(product, a.dims, b.dims);
    const F32GemmParams shape = {.m = static_cast<size_t>(products.m),
                                 .n = static_cast<size_t>(product.n),
                                 .k = static_cast<size_t>(product.k),
                                 .a = nullptr,
                                 .a_stride = static_cast<size_t>(product.k),
                                 .c = nullptr,
                                 .c_stride = static_cast<size_t>(product.n)};
    if (a.type != DataType::kFloat32) {
      const LoopProduct loop = {shape.m, shape.n, shape.k, shape.k, 1, trans_b_ ? 1 : shape.n, trans_b_ ? shape.k : 1};
      return std::unique_ptr<Kernel>(
          std::make_unique<LoopMatMulKernel>(a.type, loop, std::move(products.a), std::move(products.b)));
    }
    return std::unique_ptr<Kernel>(std::make_unique<MatMulKernel>(shape, trans_b_, b.weight, std::move(products.a),
                                                                  std::move(products.b), setup.epilogue));
  }

 private:
  bool trans_b_;
};

}  // namespace

OpPtr make_matmul(bool trans_b) { return std::make_shared<MatMulOp>(trans_b); }

std::optional<bool> as_matmul(const Op& op) {
  const auto* matmul = dynamic_cast<const MatMulOp*>(&op);
  return matmul ? std::optional(matmul->trans_b()) : std::nullopt;
}

}  // namespace sealedge
