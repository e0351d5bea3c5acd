// Ends a stage: divides a graph at the nodes that could not be planned.
#pragma once

#include "graph/graph.h"
#include "graph/passes/infer_shapes.h"
#include "graph/plan.h"
#include "graph/stage.h"

namespace sealedge {

// How far a stage of this graph looks behind nodes that have to wait.
Lookahead stage_lookahead(const Graph& graph);

// Sets what a Plan has for stages. Afterwards the graph's outputs are what its interludes and later stages read of it.
// Linear in the stage's own nodes; in all nodes for the first stage.
void cut_stage(Graph* graph, Unplanned unplanned, const StageContext& context, Plan* plan);

}  // namespace sealedge
