// x * gate(x) after a node that can apply it while storing: SiLU as x * Sigmoid(x), HardSwish as x * HardSigmoid(x)
// with its own constants, or as x * Clip(x + 3, 0, 6) / 6, as exporters without the operator write it.
#include <cmath>

#include "graph/passes/fusion.h"

namespace sealedge {

namespace {

// The one value of a float32 constant that has one.
std::optional<float> scalar(const Fusion& fusion, ValueId value) {
  const std::shared_ptr<Constant> constant = fusion.float_constant(value);
  if (!constant || element_count(constant->fact.dims) != 1) return std::nullopt;
  return *reinterpret_cast<const float*>(constant->data);
}

bool same(float a, double b) { return std::fabs(static_cast<double>(a) - b) < 1e-6; }

// The node that makes `value` for one reader only; SIZE_MAX if there is none.
size_t sole_producer(const Fusion& fusion, ValueId value) {
  return value != kNoValue && fusion.uses[value] == 1 ? fusion.producers[value] : SIZE_MAX;
}

// What a gate computes of `x`, and which nodes it consists of.
struct Gate {
  Activation::Kind kind = Activation::Kind::kNone;
  bool sixfold = false;  // Clip(x + 3, 0, 6): six times what HardSwish multiplies with
  size_t nodes[2] = {SIZE_MAX, SIZE_MAX};
};

Gate find_gate(const Fusion& fusion, ValueId value, ValueId x) {
  Gate gate;
  const size_t index = sole_producer(fusion, value);
  if (index == SIZE_MAX) return gate;
  const Node& node = fusion.graph->nodes[index];
  const auto activation = as_activation(*node.op, operands_of(*fusion.graph, node.inputs));
  if (!activation || node.has_epilogue()) return gate;
  gate.nodes[0] = index;
  if (node.inputs[0] == x) {
    const bool sixth = same(activation->a, 1.0 / 6) && same(activation->b, 0.5);
    if (activation->kind == Activation::Kind::kSigmoid) gate.kind = Activation::Kind::kSilu;
    if (activation->kind == Activation::Kind::kHardSigmoid && sixth) gate.kind = Activation::Kind::kHardSwish;
    return gate;
  }
  if (activation->kind != Activation::Kind::kClip || activation->a != 0 || activation->b != 6) return gate;
  const size_t shift = sole_producer(fusion, node.inputs[0]);
  if (shift == SIZE_MAX) return gate;
  const Node& add = fusion.graph->nodes[shift];
  const auto kind = as_binary(*add.op);
  if (!kind || *kind != BinaryKind::kAdd) return gate;
  for (size_t side = 0; side < 2; ++side) {
    const std::optional<float> three = scalar(fusion, add.inputs[1 - side]);
    if (add.inputs[side] != x || !three || *three != 3) continue;
    gate.kind = Activation::Kind::kHardSwish;
    gate.sixfold = true;
    gate.nodes[1] = shift;
  }
  return gate;
}

// Index of the Mul that makes the sixfold HardSwish which node `index` divides by 6; SIZE_MAX otherwise.
size_t divided_by_six(const Fusion& fusion, size_t index) {
  const Node& node = fusion.graph->nodes[index];
  const auto kind = as_binary(*node.op);
  if (!kind) return SIZE_MAX;
  for (size_t side = 0; side < 2; ++side) {
    const std::optional<float> constant = scalar(fusion, node.inputs[1 - side]);
    const bool divides = *kind == BinaryKind::kDiv && side == 0 && constant && *constant == 6;
    const bool multiplies = *kind == BinaryKind::kMul && constant && same(*constant, 1.0 / 6);
    if (divides || multiplies) return sole_producer(fusion, node.inputs[side]);
  }
  return SIZE_MAX;
}

}  // namespace

Result<bool> fuse_gate(Fusion* fusion, size_t index) {
  const size_t product_index = divided_by_six(*fusion, index);
  const bool sixfold = product_index != SIZE_MAX;
  const Node& product = fusion->graph->nodes[sixfold ? product_index : index];
  const auto kind = as_binary(*product.op);
  if (!kind || *kind != BinaryKind::kMul) return false;
  for (size_t side = 0; side < 2; ++side) {
    const ValueId x = product.inputs[side];
    const Gate gate = find_gate(*fusion, product.inputs[1 - side], x);
    if (gate.kind == Activation::Kind::kNone || gate.sixfold != sixfold) continue;
    EpilogueSupport support;
    // x is read by the gate and by the product, and by nobody else.
    Node* target = fusion->epilogue_target(x, &support, 2);
    if (!target || !support.activation || target->activation.kind != Activation::Kind::kNone) continue;
    // Constants of more dimensions than x would give the result more, too.
    const auto& values = fusion->graph->values;
    if (values[x].fact.dims != values[fusion->graph->nodes[index].outputs[0]].fact.dims) continue;
    target->activation = {gate.kind, 0, 0};
    for (size_t node : gate.nodes) {
      if (node != SIZE_MAX) fusion->graph->nodes[node].op = nullptr;
    }
    if (sixfold) fusion->graph->nodes[product_index].op = nullptr;
    fusion->absorb(target, index);
    return true;
  }
  return false;
}

}  // namespace sealedge
