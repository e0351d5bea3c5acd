#include "graph/passes/cancel_transposes.h"

#include <numeric>
#include <optional>

namespace sealedge {

namespace {

std::optional<std::vector<int64_t>> full_perm(const Graph& graph, const Node& node) {
  auto perm = as_transpose(*node.op);
  if (!perm) return std::nullopt;
  const size_t rank = graph.values[node.inputs[0]].fact.dims.size();
  if (perm->empty()) {
    for (size_t i = rank; i-- > 0;) perm->push_back(static_cast<int64_t>(i));
  }
  for (int64_t& axis : *perm) {
    if (axis < 0) axis += static_cast<int64_t>(rank);
  }
  return perm;
}

}  // namespace

void cancel_transposes(Graph* graph) {
  const std::vector<size_t> producers = graph->find_producers();
  std::vector<ValueId> same_as(graph->values.size());
  std::iota(same_as.begin(), same_as.end(), 0);
  for (Node& node : graph->nodes) {
    for (ValueId& id : node.inputs) {
      if (id != kNoValue) id = same_as[id];
    }
    auto perm = full_perm(*graph, node);
    if (!perm) continue;
    if (const size_t made_at = producers[node.inputs[0]]; made_at != SIZE_MAX) {
      const Node& before = graph->nodes[made_at];
      if (const auto first = full_perm(*graph, before)) {
        for (int64_t& axis : *perm) axis = (*first)[static_cast<size_t>(axis)];
        node.inputs[0] = before.inputs[0];
        node.op = make_transpose(*perm);
      }
    }
    bool identity = true;
    for (size_t i = 0; i < perm->size(); ++i) identity &= (*perm)[i] == static_cast<int64_t>(i);
    if (identity) same_as[node.outputs[0]] = node.inputs[0];
  }
  for (ValueId& id : graph->outputs) id = same_as[id];
  graph->remove_dead_nodes();
}

}  // namespace sealedge
