// The attributes that convolutions and pools share.
#pragma once

#include "graph/ops.h"
#include "onnx/node_import.h"

namespace sealedge {

// kernel_shape, strides, pads, dilations and auto_pad, as they stand.
WindowAttributes window_attributes(NodeImport& node);  // import_nn.cc

}  // namespace sealedge
