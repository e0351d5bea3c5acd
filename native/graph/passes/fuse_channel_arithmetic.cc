// Add, Sub and Mul with a constant that has one value per channel, or one for all: shift and scale of the node before.
#include "graph/passes/fusion.h"

namespace sealedge {

namespace {

// The constant, aligned to the right of dims as broadcasting does, varies along `axis` only and makes nothing larger.
bool varies_along(const Dims& constant, const Dims& dims, size_t axis) {
  if (constant.size() > dims.size()) return false;
  const size_t missing = dims.size() - constant.size();
  for (size_t i = 0; i < constant.size(); ++i) {
    if (constant[i] == 1) continue;
    if (missing + i != axis || constant[i] != dims[axis]) return false;
  }
  return true;
}

}  // namespace

Result<bool> fuse_channel_arithmetic(Fusion* fusion, size_t index) {
  using Kind = DerivedConstants::Kind;
  const Node& node = fusion->graph->nodes[index];
  const auto kind = as_binary(*node.op);
  if (!kind || (*kind != BinaryKind::kAdd && *kind != BinaryKind::kSub && *kind != BinaryKind::kMul)) return false;
  if (!fusion->derived->has_room()) return false;
  for (size_t side = 0; side < 2; ++side) {
    if (side == 1 && *kind == BinaryKind::kSub) break;  // constant - x is not an epilogue
    const ValueId operand = node.inputs[1 - side];
    const std::shared_ptr<Constant> constant = fusion->float_constant(operand);
    EpilogueSupport support;
    Node* target = constant ? fusion->epilogue_target(node.inputs[side], &support) : nullptr;
    if (!target || !support.scale_shift || target->residual != kNoValue ||
        target->activation.kind != Activation::Kind::kNone) {
      continue;
    }
    const Dims& dims = fusion->graph->values[node.inputs[side]].fact.dims;
    const int64_t channels = fusion->channels(*target, support);
    const auto axis = static_cast<size_t>(
        support.channel_axis < 0 ? support.channel_axis + static_cast<int64_t>(dims.size()) : support.channel_axis);
    // By the value's dims: the Constant behind it may be seen through a Reshape.
    if (channels < 1 || !varies_along(fusion->graph->values[operand].fact.dims, dims, axis)) continue;
    const std::shared_ptr<Constant> scale = fusion->float_constant(target->scale);
    const std::shared_ptr<Constant> shift = fusion->float_constant(target->shift);
    if ((target->scale != kNoValue && !scale) || (target->shift != kNoValue && !shift)) continue;

    // A missing part is 0 for the shift, 1 for the scale. Every result has one value per channel.
    if (*kind == BinaryKind::kMul) {
      if (shift) {
        SEALEDGE_ASSIGN(auto product, fusion->derived->get(Kind::kMultiply, {shift, constant}, channels));
        target->shift = fusion->add_constant(std::move(product));
      }
      SEALEDGE_ASSIGN(auto product, scale ? fusion->derived->get(Kind::kMultiply, {scale, constant}, channels)
                                          : fusion->derived->get(Kind::kCopy, {constant}, channels));
      target->scale = fusion->add_constant(std::move(product));
    } else {
      const bool add = *kind == BinaryKind::kAdd;
      SEALEDGE_ASSIGN(auto sum,
                      shift ? fusion->derived->get(add ? Kind::kAdd : Kind::kSubtract, {shift, constant}, channels)
                            : fusion->derived->get(add ? Kind::kCopy : Kind::kNegate, {constant}, channels));
      target->shift = fusion->add_constant(std::move(sum));
    }
    fusion->absorb(target, index);
    return true;
  }
  return false;
}

}  // namespace sealedge
