// Y = (X - mean) / sqrt(var + epsilon) * gamma + beta  =  X * scale + shift   after a convolution or a product.
#include "graph/passes/fusion.h"

namespace sealedge {

Result<bool> fold_batch_norm(Fusion* fusion, size_t index) {
  using Kind = DerivedConstants::Kind;
  const Node& node = fusion->graph->nodes[index];
  const auto epsilon = as_batch_norm(*node.op);
  if (!epsilon || !fusion->derived->has_room()) return false;
  EpilogueSupport support;
  Node* target = fusion->epilogue_target(node.inputs[0], &support);
  if (!target || !support.scale_shift || target->residual != kNoValue ||
      target->activation.kind != Activation::Kind::kNone) {
    return false;
  }
  // BatchNormalization's channels are axis 1; so must the target's be.
  const int64_t channels = fusion->channels(*target, support);
  const Dims& dims = fusion->graph->values[node.inputs[0]].fact.dims;
  if (dims.size() < 2 || (support.channel_axis != 1 && support.channel_axis + static_cast<int64_t>(dims.size()) != 1)) {
    return false;
  }

  std::shared_ptr<Constant> parameters[4];  // gamma, beta, mean, var
  for (size_t i = 0; i < 4; ++i) {
    parameters[i] = fusion->float_constant(node.inputs[i + 1]);
    if (!parameters[i] || element_count(parameters[i]->fact.dims) != channels) return false;
  }
  const std::shared_ptr<Constant> old_scale = fusion->float_constant(target->scale);
  const std::shared_ptr<Constant> old_shift = fusion->float_constant(target->shift);
  if ((target->scale != kNoValue && !old_scale) || (target->shift != kNoValue && !old_shift)) return false;

  SEALEDGE_ASSIGN(std::shared_ptr<Constant> scale,
                  fusion->derived->get(Kind::kBatchNormScale, {parameters[0], parameters[3]}, channels, *epsilon));
  SEALEDGE_ASSIGN(std::shared_ptr<Constant> shift,
                  fusion->derived->get(Kind::kBatchNormShift, {parameters[1], parameters[2], scale}, channels));
  if (old_shift) {
    SEALEDGE_ASSIGN(shift, fusion->derived->get(Kind::kMultiplyAdd, {old_shift, scale, shift}, channels));
  }
  if (old_scale) {
    SEALEDGE_ASSIGN(scale, fusion->derived->get(Kind::kMultiply, {old_scale, scale}, channels));
  }
  target->scale = fusion->add_constant(std::move(scale));
  target->shift = fusion->add_constant(std::move(shift));
  fusion->absorb(target, index);
  return true;
}

}  // namespace sealedge
