#include "graph/passes/fusion.h"

namespace sealedge {

Node* Fusion::epilogue_target(ValueId value, EpilogueSupport* support, uint32_t readers) const {
  if (value == kNoValue || uses[value] != readers || producers[value] == SIZE_MAX) return nullptr;
  Node* node = &graph->nodes[producers[value]];
  if (node->outputs.size() != 1) return nullptr;
  *support = node->op->epilogue_support(operands_of(*graph, node->inputs));
  return support->scale_shift || support->residual || support->activation ? node : nullptr;
}

std::shared_ptr<Constant> Fusion::float_constant(ValueId value) const {
  if (value == kNoValue) return nullptr;
  const auto& constant = graph->values[value].constant;
  return constant && constant->data && constant->fact.type == DataType::kFloat32 ? constant : nullptr;
}

int64_t Fusion::channels(const Node& target, const EpilogueSupport& support) const {
  const Dims& dims = graph->values[target.outputs[0]].fact.dims;
  const auto rank = static_cast<int64_t>(dims.size());
  const int64_t axis = support.channel_axis < 0 ? support.channel_axis + rank : support.channel_axis;
  return axis >= 0 && axis < rank ? dims[static_cast<size_t>(axis)] : -1;
}

ValueId Fusion::add_constant(std::shared_ptr<Constant> constant) {
  Value value;
  value.fact = constant->fact;
  value.constant = std::move(constant);
  uses.push_back(1);
  producers.push_back(SIZE_MAX);
  return graph->add_value(std::move(value));
}

void Fusion::absorb(Node* target, size_t node, bool later) {
  Node& absorbed = graph->nodes[node];
  target->outputs[0] = absorbed.outputs[0];
  if (later) {
    absorbed = std::move(*target);
    target->op = nullptr;
    producers[absorbed.outputs[0]] = node;
  } else {
    absorbed.op = nullptr;
    producers[target->outputs[0]] = static_cast<size_t>(target - graph->nodes.data());
  }
}

namespace {

// Conv's B is one value per channel, added to every result: a shift.
void move_bias(Fusion* fusion, Node* node) {
  const EpilogueSupport support = node->op->epilogue_support(operands_of(*fusion->graph, node->inputs));
  if (support.bias_input < 0 || static_cast<size_t>(support.bias_input) >= node->inputs.size()) return;
  ValueId& bias = node->inputs[static_cast<size_t>(support.bias_input)];
  node->shift = bias;
  bias = kNoValue;
}

}  // namespace

Result<void> fuse_epilogues(Graph* graph, DerivedConstants* derived) {
  Fusion fusion{graph, derived, graph->count_uses(), graph->find_producers()};
  for (size_t i = 0; i < graph->nodes.size(); ++i) {
    move_bias(&fusion, &graph->nodes[i]);
    for (auto* rewrite : {fold_batch_norm, fuse_channel_arithmetic, fuse_residual, fuse_gate, fuse_activation}) {
      SEALEDGE_ASSIGN(const bool taken, rewrite(&fusion, i));
      if (taken) break;
    }
  }
  std::erase_if(graph->nodes, [](const Node& node) { return node.op == nullptr; });
  return {};
}

}  // namespace sealedge
