// A Pad with zeros in front of a convolution, or of an average that counts its padding, is padding of that operator:
// exporters write causal and asymmetric padding so.
#pragma once

#include "graph/graph.h"

namespace sealedge {

// Precondition: shapes are inferred.
void merge_pads(Graph* graph);

}  // namespace sealedge
