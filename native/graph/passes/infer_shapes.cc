#include "graph/passes/infer_shapes.h"

#include <algorithm>

#include "graph/evaluate.h"

namespace sealedge {

Result<void> infer_shapes(Graph* graph, ConstantStore* store, size_t limit_bytes) {
  for (size_t i = 0; i < graph->nodes.size(); ++i) {
    SEALEDGE_TRY(infer_node(graph, graph->nodes[i]));
    SEALEDGE_TRY(make_constant(graph, i, store, limit_bytes));
  }
  std::erase_if(graph->nodes, [&](const Node& node) {
    return std::all_of(node.outputs.begin(), node.outputs.end(),
                       [&](ValueId id) { return id == kNoValue || graph->values[id].constant != nullptr; });
  });
  graph->remove_dead_nodes();
  return {};
}

}  // namespace sealedge
