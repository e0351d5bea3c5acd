#include "graph/ops/fused_epilogue.h"

#include "kernels/elementwise/unary.h"

namespace sealedge {

F32Epilogue FusedEpilogue::in_registers(const RunArgs& args, size_t row_elements) const {
  F32Epilogue e;
  if (setup_.has_scale) e.scale = args.scale;
  if (setup_.has_shift) e.shift = args.shift;
  if (setup_.has_residual) {
    e.residual = args.residual;
    e.residual_stride = row_elements;
  }
  switch (setup_.activation.kind) {
    case Activation::Kind::kRelu:
      e.activation = F32Activation::kClamp;
      e.lo = 0.0f;
      break;
    case Activation::Kind::kClip:
      e.activation = F32Activation::kClamp;
      e.lo = setup_.activation.a;
      e.hi = setup_.activation.b;
      break;
    case Activation::Kind::kLeakyRelu:
      e.activation = F32Activation::kLeakyRelu;
      e.slope = setup_.activation.a;
      break;
    default:
      break;
  }
  return e;
}

void FusedEpilogue::finish(float* y, size_t size, const KernelContext& context) const {
  const UnaryParams params = {setup_.activation.a, setup_.activation.b};
  switch (setup_.activation.kind) {
    case Activation::Kind::kSigmoid:
      return f32_unary(UnaryOp::kSigmoid, params, y, y, size, context);
    case Activation::Kind::kTanh:
      return f32_unary(UnaryOp::kTanh, params, y, y, size, context);
    case Activation::Kind::kSilu:
      return f32_unary(UnaryOp::kSilu, params, y, y, size, context);
    case Activation::Kind::kHardSigmoid:
      return f32_unary(UnaryOp::kHardSigmoid, params, y, y, size, context);
    case Activation::Kind::kHardSwish:
      return f32_unary(UnaryOp::kHardSwish, params, y, y, size, context);
    case Activation::Kind::kNone:
    case Activation::Kind::kRelu:
    case Activation::Kind::kClip:
    case Activation::Kind::kLeakyRelu:
      return;
  }
}

}  // namespace sealedge
