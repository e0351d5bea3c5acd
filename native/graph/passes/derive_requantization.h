// What integer products need per output channel, computed once from their constant scales and bias. Like the weights
// these are secret in a sealed model, and never leave its constant store.
#pragma once

#include "core/result.h"
#include "graph/derived_constants.h"
#include "graph/graph.h"

namespace sealedge {

// Precondition: shapes are inferred.
Result<void> derive_requantization(Graph* graph, DerivedConstants* derived);

}  // namespace sealedge
