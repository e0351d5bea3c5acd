// Forms that older operator sets write differently, turned into today's: tensor arguments that used to be attributes,
// and broadcasting that used to be asked for.
#pragma once

#include <string_view>

#include "onnx/node_import.h"

namespace sealedge {

// Input `index`, or before `since` the ints attribute of that name as a constant; kNoValue when neither is there.
ValueId input_or_ints(NodeImport& node, size_t index, std::string_view attribute, int64_t since);
// The same for a float scalar.
ValueId input_or_scalar(NodeImport& node, size_t index, std::string_view attribute, int64_t since);

// Opset < 7 binary operators: broadcast = 0 wants equal shapes, broadcast = 1 without axis is numpy's rule, and with
// axis the second operand's dimensions start there. Returns the second operand as numpy's rule wants it.
ValueId legacy_broadcast_operand(NodeImport& node);

}  // namespace sealedge
