// Gives every value its type and dims, for concrete graph inputs.
#pragma once

#include <cstddef>

#include "core/result.h"
#include "graph/constant_store.h"
#include "graph/graph.h"

namespace sealedge {

// What follows from shapes and small constants alone becomes a constant on the way, so that Shape -> Gather -> Concat
// -> Reshape needs no run. limit_bytes bounds each result computed here, and 64 times it their sum; in a secret store
// only those that no weight goes into, since what is computed from sealed weights must not be left to the arena.
// Precondition: facts of graph inputs are set.
Result<void> infer_shapes(Graph* graph, ConstantStore* store, size_t limit_bytes);

}  // namespace sealedge
