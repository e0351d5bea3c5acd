// Runs an operator while planning, so that what depends on constants and shapes alone is a constant of the plan.
#pragma once

#include <cstddef>
#include <vector>

#include "core/result.h"
#include "graph/constant_store.h"
#include "graph/graph.h"

namespace sealedge {

// Makes the outputs of graph->nodes[index] constants, if they can be: all inputs are constants (or only their dims
// matter), the bytes that must be read are there, and inputs, outputs and scratch take at most limit_bytes each. A view
// of a constant costs nothing and is always taken. False: left as it is. Precondition: facts of inputs and outputs are
// set and checked.
Result<bool> make_constant(Graph* graph, size_t index, ConstantStore* store, size_t limit_bytes);

// The same without asking: runs the node on its constant inputs, in their formats, and makes its outputs constants.
// Precondition: every present input has data (or only dims matter).
Result<void> evaluate_node(Graph* graph, size_t index, ConstantStore* store);

// graph->values[...].fact of the node's outputs, from Op::infer on its inputs; checked against the limits of
// graph/tensor.h.
Result<void> infer_node(Graph* graph, const Node& node);

}  // namespace sealedge
