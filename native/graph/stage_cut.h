// Ends a stage: divides a graph at the nodes that could not be planned.
#pragma once

#include "graph/graph.h"
#include "graph/passes/infer_shapes.h"
#include "graph/plan.h"

namespace sealedge {

// Sets interludes, rest, rest_inputs and wanted_inputs of the plan. Afterwards the graph's outputs are what these read
// of it. Linear in what is left. Precondition: there are interludes.
void cut_stage(Graph* graph, Unplanned unplanned, Plan* plan);

}  // namespace sealedge
