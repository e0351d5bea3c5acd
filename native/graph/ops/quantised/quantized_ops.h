// Operators on 8-bit tensors that the passes make of float operators between DequantizeLinear and QuantizeLinear
// (docs/QUANTISATION.md). Scales and zero points of activations are part of the operator.
#pragma once

#include <array>

#include "graph/ops.h"
#include "graph/ops/op_parameters.h"
#include "kernels/qelementwise/qelementwise.h"

namespace sealedge {

// An 8-bit type with one scale and zero point.
struct QuantizedType {
  DataType type = DataType::kUndefined;  // kInt8 or kUint8
  float scale = 1;
  int32_t zero_point = 0;

  bool is_signed() const { return type == DataType::kInt8; }
  int32_t lowest() const { return is_signed() ? -128 : 0; }
  Q8Scale reading() const { return {scale, zero_point, is_signed()}; }
  // With an activation, min(max(v, lo), hi) in real numbers, before rounding.
  Q8Step writing(float lo, float hi) const;
  bool operator==(const QuantizedType&) const = default;
};

// y = table[x], x as its bits. y has at least `rank` dimensions, more than x has being 1.
using ByteTable = std::array<uint8_t, 256>;
OpPtr make_lookup(const char* op_type, DataType from, DataType to, const ByteTable& table, size_t rank = 0);

// A, B broadcast as numpy does; lo, hi: an activation after the sum or product.
OpPtr make_quantized_binary(Q8Binary op, const QuantizedType& a, const QuantizedType& b, const QuantizedType& y,
                            float lo, float hi);

// kMax: y is x. kAverage: requantised.
OpPtr make_quantized_pool(const PoolParameters& pool, const QuantizedType& x, const QuantizedType& y);

OpPtr make_quantized_softmax(const SoftmaxParameters& softmax, const QuantizedType& x, const QuantizedType& y);

}  // namespace sealedge
