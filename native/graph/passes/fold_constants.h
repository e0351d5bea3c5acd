// Computes at import what depends on constants alone.
#pragma once

#include <cstddef>

#include "core/result.h"
#include "graph/constant_store.h"
#include "graph/graph.h"

namespace sealedge {

// Before shapes are known. A Reshape or the like of a constant becomes a view of it (no byte moves, so also for sealed
// weights whose bytes are not there); a Transpose of a matrix that only feeds a MatMul becomes that MatMul's trans_b;
// small results of small constants are computed into the store. Everything else is left for the run.
// keep_quantized: DequantizeLinear stays, as quantize_graph wants to see it.
Result<void> fold_weights(Graph* graph, ConstantStore* store, size_t limit_bytes, bool keep_quantized = false);

}  // namespace sealedge
