// Resize and Upsample of every operator set as one operator.
#pragma once

#include "onnx/node_import.h"

namespace sealedge {

void import_resize(NodeImport& node);
void import_upsample(NodeImport& node);

}  // namespace sealedge
