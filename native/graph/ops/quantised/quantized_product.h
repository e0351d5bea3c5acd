// Convolutions and matrix products of 8-bit tensors with int32 sums: ConvInteger, MatMulInteger, QLinearConv,
// QLinearMatMul, and what the passes make of a Conv, Gemm or MatMul between DequantizeLinear and QuantizeLinear
// (docs/QUANTISATION.md, "Products").
#pragma once

#include <limits>

#include "graph/ops.h"

namespace sealedge {

// The inputs of every such operator; what one does not have is kNoValue.
struct ProductInput {
  enum : size_t {
    kX = 0,       // int8 or uint8
    kXScale,      // one
    kXZero,       // one
    kW,           // int8 or uint8: (O, I / group, spatial...), or (..., K, N)
    kWScale,      // one, or one per output channel
    kWZero,       // the same
    kYScale,      // one
    kYZero,       // one, of Y's type
    kBias,        // one per output channel: int32 in steps of kBiasScale, or float32 without a scale
    kBiasScale,   // one, or one per output channel; absent: the product of the scales of X and W
    kBiasZero,    // int32, one or one per output channel; absent: 0
    kMultiplier,  // derived from the scales: float32, one per output channel (graph/passes/derive_requantization.h)
    kSumBias,     // derived from the bias: int32 in steps of the sums
    kCount,
  };
};

struct ProductOutput {
  DataType type = DataType::kUndefined;  // int8, uint8, int32 (sums) or float32; kUndefined: that of kYZero
  // An activation between the product and its rounding, in real numbers: min(max(v, lo), hi).
  float lo = -std::numeric_limits<float>::infinity();
  float hi = std::numeric_limits<float>::infinity();
};

OpPtr make_quantized_conv(const char* op_type, WindowAttributes window, int64_t group, ProductOutput output);
// numpy.matmul; trans_b swaps the last two dimensions of W.
OpPtr make_quantized_matmul(const char* op_type, bool trans_b, ProductOutput output);

// What the derivation of constants asks: whether the operator is one of these, and how many output channels it has with
// a W of these dims (0: it is none of them).
bool is_quantized_conv(const Op& op);
bool is_quantized_matmul(const Op& op, bool* trans_b);
int64_t quantized_product_channels(const Op& op, const Dims& w);

}  // namespace sealedge
