// Computes what a model makes of its weights alone (filters that are standardised, normalised or dequantised), once and
// not in every run.
#pragma once

#include "core/result.h"
#include "graph/constant_store.h"
#include "graph/graph.h"

namespace sealedge {

// Call after load_constants, on the same store, which then holds the results in the layouts that their consumers read
// and nothing of what was computed on the way. No weight is rewritten (design decision 5): the graph's own operators
// run, and what they made of a sealed model's weights is in secret memory like these.
//
// Of a plain model, results are kept up to ModelLimits::max_derived_bytes, a multiple of the weights' own size, and so
// much work; what is beyond that is computed in every run, within planned memory. Of a sealed model without those
// bounds: what follows from its weights must not reach the arena. A node that fails is left as it is, and reported by
// who needs it.
Result<void> derive_weights(Graph* graph, ConstantStore* store);

}  // namespace sealedge
