// An order in which the nodes of a graph can run. ONNX asks for it in the file; some writers do not keep to it.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/result.h"
#include "onnx/model_proto.h"

namespace sealedge {

// Indexes into nodes: file order wherever that is possible. What bodies read is not looked at: it must be made before
// them in the file. Fails with kModelInvalid on a cycle and on a value with two makers. Linear in nodes and edges;
// never recurses.
Result<std::vector<size_t>> running_order(std::span<const NodeProto> nodes);

}  // namespace sealedge
