#include "graph/ops/product/fused_epilogue.h"

#include "kernels/elementwise/unary.h"

namespace sealedge {

F32Epilogue FusedEpilogue::for_run(const RunArgs& args, size_t row_elements, const KernelContext& context) const {
  F32Epilogue e;
  if (setup_.has_scale) e.scale = args.scale;
  if (setup_.has_shift) e.shift = args.shift;
  if (setup_.has_residual) {
    e.residual = args.residual;
    e.residual_stride = row_elements;
  }
  const Activation& activation = setup_.activation;
  const auto after = [&](UnaryOp op) {
    e.after = f32_unary_function(op, context);
    e.after_params = {activation.a, activation.b};
  };
  switch (activation.kind) {
    case Activation::Kind::kNone:
      break;
    case Activation::Kind::kRelu:
      e.activation = F32Activation::kClamp;
      e.lo = 0.0f;
      break;
    case Activation::Kind::kClip:
      e.activation = F32Activation::kClamp;
      e.lo = activation.a;
      e.hi = activation.b;
      break;
    case Activation::Kind::kLeakyRelu:
      e.activation = F32Activation::kLeakyRelu;
      e.slope = activation.a;
      break;
    case Activation::Kind::kSigmoid:
      after(UnaryOp::kSigmoid);
      break;
    case Activation::Kind::kTanh:
      after(UnaryOp::kTanh);
      break;
    case Activation::Kind::kSilu:
      after(UnaryOp::kSilu);
      break;
    case Activation::Kind::kHardSigmoid:
      after(UnaryOp::kHardSigmoid);
      break;
    case Activation::Kind::kHardSwish:
      after(UnaryOp::kHardSwish);
      break;
  }
  return e;
}

}  // namespace sealedge
