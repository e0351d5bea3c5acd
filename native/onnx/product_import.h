// What the importers of Conv, Gemm and LSTM make of a node, for those of fused and quantised forms.
#pragma once

#include <vector>

#include "graph/ops/product/recurrent.h"
#include "onnx/node_import.h"

namespace sealedge {

// Inputs X, W, B optional; import_nn.cc.
OpPtr conv_of(NodeImport& node);

// The last of the nodes that make a result; those before it are emitted.
struct PendingNode {
  OpPtr op;
  std::vector<ValueId> inputs;
};
PendingNode gemm_of(NodeImport& node);  // import_math.cc

RecurrentAttributes recurrent_attributes(NodeImport& node, RecurrentKind kind);  // import_recurrent.cc

}  // namespace sealedge
