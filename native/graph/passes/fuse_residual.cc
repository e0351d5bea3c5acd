// Add of two tensors of equal dims: one of them is made by a node that can add the other while storing.
#include "graph/passes/fusion.h"

namespace sealedge {

Result<bool> fuse_residual(Fusion* fusion, size_t index) {
  const Node& node = fusion->graph->nodes[index];
  const auto kind = as_binary(*node.op);
  if (!kind || *kind != BinaryKind::kAdd || node.inputs[0] == node.inputs[1]) return false;
  const auto& values = fusion->graph->values;
  const TensorFact& first = values[node.inputs[0]].fact;
  const TensorFact& second = values[node.inputs[1]].fact;
  if (first.type != DataType::kFloat32 || second.type != DataType::kFloat32 || first.dims != second.dims) return false;

  Node* best = nullptr;
  ValueId residual = kNoValue;
  for (size_t side = 0; side < 2; ++side) {
    EpilogueSupport support;
    Node* target = fusion->epilogue_target(node.inputs[side], &support);
    if (!target || !support.residual || target->residual != kNoValue ||
        target->activation.kind != Activation::Kind::kNone) {
      continue;
    }
    // Of two, the one that runs later: the other's result is there by then.
    if (!best || target > best) {
      best = target;
      residual = node.inputs[1 - side];
    }
  }
  if (!best) return false;
  const size_t made_at = fusion->producers[residual];
  const bool later = made_at != SIZE_MAX && &fusion->graph->nodes[made_at] > best;
  best->residual = residual;
  fusion->absorb(best, index, later);
  return true;
}

}  // namespace sealedge
