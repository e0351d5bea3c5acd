// 8-bit convolution with int32 sums, channels-last: X (N, D, H, W, C), Y (N, OD, OH, OW, O), W in kInt8Panel16 or
// kUint8Panel16 with K = (kd, kh, kw, c), c over C/groups. A matrix product is a convolution of M images of one pixel
// with K channels. What Y holds: kernels/requantize.h.
// Preconditions (asserted): groups divides C and O, both are positive; no overlap of X and Y. Never allocates, never
// fails. Depthwise (groups == C == O) belongs to qdepthwise/qdepthwise.h.
#pragma once

#include "kernels/conv/window_geometry.h"
#include "kernels/kernel_context.h"
#include "kernels/requantize.h"
#include "kernels/weight_source.h"

namespace sealedge {

struct Q8ConvParams {
  WindowGeometry window;
  size_t in_channels, out_channels;
  size_t groups = 1;
  bool x_channels_first = false;         // X is (N, C, D, H, W)
  bool weights_have_zero_point = false;  // what weight_zero will be, for the scratch
  bool x_signed = false;
  int32_t x_zero = 0;
  const uint8_t* x = nullptr;
  const int32_t* bias = nullptr;         // [O] or nullptr
  const int32_t* weight_zero = nullptr;  // [O] of the packed (int8) weights, if weights_have_zero_point
  uint8_t* y = nullptr;
  Q8Epilogue epilogue = {};
};

// The first six members are looked at.
size_t q8_conv_scratch_bytes(const Q8ConvParams& params);
void q8_conv(const Q8ConvParams& params, const WeightSource& weights, const KernelContext& context);

}  // namespace sealedge
