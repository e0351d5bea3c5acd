#include "graph/passes/infer_shapes.h"

#include <algorithm>

#include "graph/evaluate.h"

namespace sealedge {

namespace {

constexpr size_t kTotalLimits = 64;   // how often limit_bytes may be spent in one plan
constexpr size_t kShapeBytes = 1024;  // what shapes need is computed whatever was spent

// What is computed from a sealed model's weights must lie in secret memory, so it is never left for the run.
bool depends_on_weights(const Graph& graph, const Node& node) {
  return std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) {
    return id != kNoValue && graph.values[id].constant && !data_type_is_integer(graph.values[id].fact.type);
  });
}

}  // namespace

Result<void> infer_shapes(Graph* graph, ConstantStore* store, size_t limit_bytes) {
  for (size_t i = 0; i < graph->nodes.size(); ++i) {
    SEALEDGE_TRY(infer_node(graph, graph->nodes[i]));
    const bool unbounded = store->kind() == ConstantStore::Kind::kSecret && depends_on_weights(*graph, graph->nodes[i]);
    // Many nodes may each stay below the limit.
    const size_t limit = store->allocated_bytes() < kTotalLimits * limit_bytes ? limit_bytes : kShapeBytes;
    SEALEDGE_TRY(make_constant(graph, i, store, unbounded ? SIZE_MAX : limit));
  }
  std::erase_if(graph->nodes, [&](const Node& node) {
    return std::all_of(node.outputs.begin(), node.outputs.end(),
                       [&](ValueId id) { return id == kNoValue || graph->values[id].constant != nullptr; });
  });
  graph->remove_dead_nodes();
  return {};
}

}  // namespace sealedge
