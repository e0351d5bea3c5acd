// The matrix product of Gemm: A' * B'. alpha, beta and C are nodes of their own, or the epilogue.
#include "kernels/gemm/gemm.h"

#include "core/alignment.h"
#include "graph/ops.h"
#include "graph/ops/op_parameters.h"
#include "graph/ops/product/fused_epilogue.h"
#include "graph/ops/product/product_loops.h"
#include "graph/ops/support.h"
#include "kernels/layout/layout.h"

namespace sealedge {

namespace {

class GemmKernel final : public Kernel {
 public:
  // weight == nullptr: B is computed by the model, and packed in scratch in every run.
  GemmKernel(size_t m, size_t n, size_t k, bool trans_a, bool trans_b, const WeightSource* weight,
             const EpilogueSetup& epilogue)
      : m_(m), n_(n), k_(k), trans_a_(trans_a), trans_b_(trans_b), weight_(weight), epilogue_(epilogue) {}

  // A' if it has to be transposed, then B packed.
  size_t scratch_bytes() const override { return a_bytes() + (weight_ ? 0 : f32_panel16_bytes(k_, n_)); }

  Result<void> run(const RunArgs& args) const override {
    const KernelContext context = kernel_context(args);
    F32GemmParams params = {.m = m_,
                            .n = n_,
                            .k = k_,
                            .a = reinterpret_cast<const float*>(args.inputs[0]),
                            .a_stride = k_,
                            .c = reinterpret_cast<float*>(args.outputs[0]),
                            .c_stride = n_,
                            .epilogue = epilogue_.for_run(args, n_, context)};
    if (trans_a_) {
      transpose_matrices(sizeof(float), 1, k_, m_, params.a, args.scratch, context);
      params.a = reinterpret_cast<const float*>(args.scratch);
    }
    if (weight_) {
      f32_gemm(params, *weight_, context);
    } else {
      uint8_t* packed = args.scratch + a_bytes();
      f32_pack_panel16(reinterpret_cast<const float*>(args.inputs[1]), k_, n_, trans_b_ ? 1 : n_, trans_b_ ? k_ : 1,
                       reinterpret_cast<float*>(packed));
      f32_gemm(params, ResidentWeightSource(packed, f32_panel16_bytes(k_, n_)), context);
    }
    return {};
  }

 private:
  size_t a_bytes() const { return trans_a_ ? round_up_64(m_ * k_ * sizeof(float)) : 0; }

  size_t m_, n_, k_;
  bool trans_a_, trans_b_;
  const WeightSource* weight_;
  FusedEpilogue epilogue_;
};

// Other element types, on plain loops.
class LoopGemmKernel final : public Kernel {
 public:
  LoopGemmKernel(DataType type, LoopProduct product) : function_(find_product_loop(type)), product_(product) {}
  Result<void> run(const RunArgs& args) const override {
    function_(product_, args.inputs[0], args.inputs[1], args.outputs[0], kernel_context(args));
    return {};
  }

 private:
  ProductLoop function_;
  LoopProduct product_;
};

class GemmOp final : public Op {
 public:
  GemmOp(bool trans_a, bool trans_b) : trans_a_(trans_a), trans_b_(trans_b) {}
  const char* op_type() const override { return "Gemm"; }
  GemmParameters parameters() const { return {trans_a_, trans_b_}; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    SEALEDGE_TRY(check_product_types(inputs));
    const Dims &a = inputs[0].dims, &b = inputs[1].dims;
    if (a.size() != 2 || b.size() != 2 || a[trans_a_ ? 0 : 1] != b[trans_b_ ? 1 : 0]) {
      return shape_mismatch("cannot multiply " + dims_to_string(a) + (trans_a_ ? " transposed" : "") + " and " +
                            dims_to_string(b) + (trans_b_ ? " transposed" : ""));
    }
    return std::vector<TensorFact>{{inputs[0].type, {a[trans_a_ ? 1 : 0], b[trans_b_ ? 0 : 1]}}};
  }

  double work(std::span<const Operand> inputs, std::span<const Operand> outputs) const override {
    return linear_work(inputs, outputs) +
           element_count(outputs) * static_cast<double>(inputs[0].dims[trans_a_ ? 0 : 1]);
  }

  WeightRequest weight_request(size_t input, const TensorFact& constant) const override {
    const bool packable =
        constant.type == DataType::kFloat32 && constant.dims.size() == 2 && element_count(constant.dims) > 0;
    if (input != 1 || !packable) return {};
    return {WeightLayout::kPanel16, trans_b_ ? WeightSourceOrder::kGemmNK : WeightSourceOrder::kGemmKN};
  }

  EpilogueSupport epilogue_support(std::span<const Operand> inputs) const override {
    if (inputs[0].type != DataType::kFloat32) return {};
    return {.scale_shift = true, .residual = true, .activation = true, .channel_axis = 1};
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Dims &a = setup.inputs[0].dims, &b = setup.inputs[1].dims;
    const auto m = static_cast<size_t>(a[trans_a_ ? 1 : 0]), k = static_cast<size_t>(a[trans_a_ ? 0 : 1]);
    const auto n = static_cast<size_t>(b[trans_b_ ? 0 : 1]);
    if (setup.inputs[0].type != DataType::kFloat32) {
      const LoopProduct loop = {m, n, k, trans_a_ ? 1 : k, trans_a_ ? m : 1, trans_b_ ? 1 : n, trans_b_ ? k : 1};
      return std::unique_ptr<Kernel>(std::make_unique<LoopGemmKernel>(setup.inputs[0].type, loop));
    }
    return std::unique_ptr<Kernel>(
        std::make_unique<GemmKernel>(m, n, k, trans_a_, trans_b_, setup.inputs[1].weight, setup.epilogue));
  }

 private:
  bool trans_a_, trans_b_;
};

}  // namespace

OpPtr make_gemm(bool trans_a, bool trans_b) { return std::make_shared<GemmOp>(trans_a, trans_b); }
std::optional<GemmParameters> as_gemm(const Op& op) {
  const auto* gemm = dynamic_cast<const GemmOp*>(&op);
  return gemm ? std::optional(gemm->parameters()) : std::nullopt;
}

}  // namespace sealedge
