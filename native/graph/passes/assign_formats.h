// Decides how every activation is held, row-major or channels-last, and inserts the conversions that are left.
#pragma once

#include "core/result.h"
#include "graph/constant_store.h"
#include "graph/graph.h"

namespace sealedge {

// Greedy, in running order: each operator sees how its inputs arrive and says how it wants them and what it makes
// (Op::choose_formats). A value is converted at most once; graph inputs and outputs are row-major. Run last.
void assign_formats(Graph* graph);
// Carries out the conversions of constants that it inserted: weights never pass through the arena.
Result<void> convert_constants(Graph* graph, ConstantStore* store);

}  // namespace sealedge
