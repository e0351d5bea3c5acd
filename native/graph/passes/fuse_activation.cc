// An activation right after a node that can apply it while storing.
#include "graph/passes/fusion.h"

namespace sealedge {

Result<bool> fuse_activation(Fusion* fusion, size_t index) {
  const Node& node = fusion->graph->nodes[index];
  if (node.inputs.empty()) return false;
  const auto activation = as_activation(*node.op, operands_of(*fusion->graph, node.inputs));
  if (!activation || activation->kind == Activation::Kind::kNone) return false;
  EpilogueSupport support;
  Node* target = fusion->epilogue_target(node.inputs[0], &support);
  if (!target || !support.activation || target->activation.kind != Activation::Kind::kNone) return false;
  target->activation = *activation;
  fusion->absorb(target, index);
  return true;
}

}  // namespace sealedge
