// Float operators between DequantizeLinear and QuantizeLinear become integer ones (docs/QUANTISATION.md says which, and
// by what formulas). What does not match exactly stays as it is and is computed in float32.
//
// Runs at import, before shapes are known and before the contents of large constants are there: it decides by
// operators, attributes, facts of constants and small constants, so that sealing and loading, which ask for weight
// layouts, see the same graph.
#pragma once

#include <cstddef>

#include "core/result.h"
#include "graph/constant_store.h"
#include "graph/graph.h"

namespace sealedge {

// limit_bytes: of constants that are computed on the way (fold_weights).
Result<void> quantize_graph(Graph* graph, ConstantStore* store, size_t limit_bytes);

}  // namespace sealedge
