#include "graph/passes/fold_constants.h"

#include <algorithm>

#include "graph/evaluate.h"
#include "graph/ops/quantised/quantize.h"

namespace sealedge {

namespace {

bool all_known(const Graph& graph, const Node& node) {
  return std::all_of(node.inputs.begin(), node.inputs.end(),
                     [&](ValueId id) { return id == kNoValue || graph.values[id].constant != nullptr; });
}

// perm exchanges the last two of `rank` dimensions and keeps the others.
bool swaps_last_two(const std::vector<int64_t>& perm, size_t rank) {
  if (rank < 2) return false;
  if (perm.empty()) return rank == 2;  // the default reverses
  if (perm.size() != rank) return false;
  for (size_t i = 0; i + 2 < rank; ++i) {
    if (perm[i] != static_cast<int64_t>(i)) return false;
  }
  return perm[rank - 2] == static_cast<int64_t>(rank) - 1 && perm[rank - 1] == static_cast<int64_t>(rank) - 2;
}

// MatMul(A, Transpose(W)): the transposition is a matter of how W is packed.
void fold_transpose_into_matmul(Graph* graph, const std::vector<size_t>& producers, Node* node) {
  const auto trans_b = as_matmul(*node->op);
  if (!trans_b || node->inputs[1] == kNoValue || producers[node->inputs[1]] == SIZE_MAX) return;
  const Node& producer = graph->nodes[producers[node->inputs[1]]];
  const auto perm = as_transpose(*producer.op);
  if (!perm || !graph->values[producer.inputs[0]].constant) return;
  if (!swaps_last_two(*perm, graph->values[producer.inputs[0]].fact.dims.size())) return;
  node->op = make_matmul(!*trans_b);
  node->inputs[1] = producer.inputs[0];
}

// A DequantizeLinear of more than one number of 8 bits, which is a number like any other.
bool is_quantized_tensor(const Graph& graph, const Node& node) {
  if (!as_dequantize_linear(*node.op)) return false;
  const TensorFact& fact = graph.values[node.inputs[0]].fact;
  return data_type_size_bytes(fact.type) != 1 || fact.dims.size() > 1 || element_count(fact.dims) != 1;
}

}  // namespace

Result<void> fold_weights(Graph* graph, ConstantStore* store, size_t limit_bytes, bool keep_quantized) {
  const std::vector<size_t> producers = graph->find_producers();
  FoldBudget budget(limit_bytes);
  for (size_t i = 0; i < graph->nodes.size(); ++i) {
    fold_transpose_into_matmul(graph, producers, &graph->nodes[i]);
    if (!all_known(*graph, graph->nodes[i])) continue;
    if (keep_quantized && is_quantized_tensor(*graph, graph->nodes[i])) continue;
    if (!budget.take_work(graph->nodes[i].op->infer_work(operands_of(*graph, graph->nodes[i].inputs)))) continue;
    // A mistake in it is reported when planning, where all mistakes are.
    if (!infer_node(graph, &graph->nodes[i]).ok()) continue;
    SEALEDGE_TRY(make_constant(graph, i, store, &budget));
  }
  // What became constant needs no node any more.
  std::erase_if(graph->nodes, [&](const Node& node) {
    return std::all_of(node.outputs.begin(), node.outputs.end(),
                       [&](ValueId id) { return id == kNoValue || graph->values[id].constant != nullptr; });
  });
  graph->remove_dead_nodes();
  return {};
}

}  // namespace sealedge
