// What the importers of Conv and Gemm make of a node, for those of fused forms.
#pragma once

#include <vector>

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

}  // namespace sealedge
