// Elementwise work on 8-bit tensors with one scale and zero point each (docs/QUANTISATION.md). All of it is defined in
// float32 without fused multiply-adds, so that every CPU gives the same bytes:
//
//   dequantise   y = fl32(x - zero) * scale
//   quantise     y = round_to_step(x / scale)                 round_to_step: kernels/requantize.h
//   binary       y = round_to_step(fl32(dequantise(a) + or * dequantise(b)) / scale)
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/elementwise/binary.h"
#include "kernels/kernel_context.h"

namespace sealedge {

// How an 8-bit tensor is read.
struct Q8Scale {
  float scale;
  int32_t zero_point;
  bool is_signed;
};

// How one is written: lo and hi bound the rounded value before the zero point is added.
struct Q8Step {
  float scale;
  int32_t zero_point;
  float lo, hi;
};

enum class Q8Binary : uint8_t { kAdd, kMul };

struct Q8BinaryParams {
  Q8Binary op;
  Q8Scale a, b;
  Q8Step y;
};

void q8_dequantize(const Q8Scale& from, const uint8_t* x, float* y, size_t size, const KernelContext& context);
void q8_quantize(const Q8Step& to, const float* x, uint8_t* y, size_t size, const KernelContext& context);
// y[i] = table[x[i]]; x may be y.
void q8_lookup(const uint8_t* table, const uint8_t* x, uint8_t* y, size_t size, const KernelContext& context);
void q8_binary(const Q8BinaryParams& params, const BroadcastPlan& plan, const uint8_t* a, const uint8_t* b, uint8_t* y,
               const KernelContext& context);

}  // namespace sealedge
