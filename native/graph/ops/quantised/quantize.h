// Between numbers and steps of a scale (docs/QUANTISATION.md): QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear.
#pragma once

#include <optional>

#include "graph/ops.h"

namespace sealedge {

struct QuantizeAttributes {
  int64_t axis = 1;                      // of scales and zero points with more than one element
  int64_t block_size = 0;                // opset 21: positive, one scale per so many elements along axis
  DataType type = DataType::kUndefined;  // of Y where no zero point says it (Quantize); kUndefined: uint8
};

// Inputs X, y_scale, y_zero_point optional (zeros).
OpPtr make_quantize_linear(QuantizeAttributes attributes);
// Inputs X, x_scale, x_zero_point optional (zeros).
OpPtr make_dequantize_linear(QuantizeAttributes attributes);
// Input X; outputs Y (uint8), y_scale, y_zero_point.
OpPtr make_dynamic_quantize_linear();

// What the passes ask: the attributes, if the operator is of that kind.
std::optional<QuantizeAttributes> as_quantize_linear(const Op& op);
std::optional<QuantizeAttributes> as_dequantize_linear(const Op& op);

}  // namespace sealedge
