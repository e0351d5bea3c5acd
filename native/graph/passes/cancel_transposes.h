// Transposes of transposes become one, or none.
#pragma once

#include "graph/graph.h"

namespace sealedge {

// Precondition: shapes are inferred.
void cancel_transposes(Graph* graph);

}  // namespace sealedge
