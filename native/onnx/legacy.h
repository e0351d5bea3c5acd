// Forms that older operator sets write differently, turned into today's: tensor arguments that used to be attributes,
// and broadcasting that used to be asked for. What ONNX gives as a float whatever the type of the tensors is (Clip's
// old bounds, Gemm's alpha) becomes a tensor of that type here too.
#pragma once

#include <string_view>

#include "onnx/node_import.h"

namespace sealedge {

// Input `index`, or before `since` the ints attribute of that name as a constant; kNoValue when neither is there.
ValueId input_or_ints(NodeImport& node, size_t index, std::string_view attribute, int64_t since);
// The same for a float scalar, which becomes one of input 0's type.
ValueId input_or_scalar(NodeImport& node, size_t index, std::string_view attribute, int64_t since);
// A constant scalar of the type that `like` has.
ValueId scalar_like(NodeImport& node, double value, ValueId like);

// Opset < 7 binary operators: broadcast = 0 wants equal shapes, broadcast = 1 without axis is numpy's rule, and with
// axis the second operand's dimensions start there. Returns the second operand as numpy's rule wants it.
ValueId legacy_broadcast_operand(NodeImport& node);
// Opset < 7 PRelu: a slope of one dimension counts channels.
ValueId legacy_slope(NodeImport& node);

// Cast-1 names the type: "FLOAT". kUndefined when there is none of that name.
DataType data_type_of_name(std::string_view name);
// Tile-1: `tiles` copies along `axis`, both inputs.
void legacy_tile(NodeImport& node);
// BatchNormalization-1 to 7 with spatial = 0: a mean, variance, scale and bias for every element of a sample.
void legacy_batch_normalization_per_element(NodeImport& node);

}  // namespace sealedge
