// Computes float16 graphs in float32: there are float32 kernels for every instruction set, and none for float16.
// Between two operators no value is rounded any more, so that results are nearer to what the formulas say; graph
// inputs, graph outputs and explicit Casts are float16 as the model has them.
#pragma once

#include "core/result.h"
#include "graph/derived_constants.h"
#include "graph/graph.h"

namespace sealedge {

// Only graphs with an operator that wants weights packed if they are float32: for others it is not worth the casts.
// Weights of the model are widened once, into `derived`; what planning has computed, for the plan alone, into `store`.
// Precondition: shapes are inferred.
Result<void> widen_float16(Graph* graph, DerivedConstants* derived, ConstantStore* store);

}  // namespace sealedge
