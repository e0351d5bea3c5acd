// 8-bit depthwise convolution with int32 sums, channels-last: X (N, D, H, W, C), Y (N, OD, OH, OW, C), one filter per
// channel, weights in kInt8Depthwise16 or kUint8Depthwise16. What Y holds: kernels/requantize.h.
// Preconditions (asserted): no overlap of X and Y. Never allocates, never fails.
#pragma once

#include "kernels/conv/window_geometry.h"
#include "kernels/kernel_context.h"
#include "kernels/requantize.h"
#include "kernels/weight_source.h"

namespace sealedge {

// A filter is one piece of a weight source.
inline constexpr size_t kMaxQ8DepthwiseTaps = kMaxPanelBytes / 16;

struct Q8DepthwiseParams {
  WindowGeometry window;
  size_t channels;
  bool x_channels_first = false;  // X is (N, C, D, H, W)
  bool x_signed = false;
  int32_t x_zero = 0;
  const uint8_t* x = nullptr;
  const int32_t* bias = nullptr;         // [C] or nullptr
  const int32_t* weight_zero = nullptr;  // [C] of the packed (int8) weights, or nullptr
  uint8_t* y = nullptr;
  Q8Epilogue epilogue = {};
};

constexpr size_t q8_depthwise_weight_bytes(const WindowGeometry& w, size_t channels) {
  return (channels + 15) / 16 * ((w.taps() + 3) / 4 * 64);
}

// The first three members are looked at.
size_t q8_depthwise_scratch_bytes(const Q8DepthwiseParams& params, unsigned threads);
void q8_depthwise(const Q8DepthwiseParams& params, const WeightSource& weights, const KernelContext& context);

}  // namespace sealedge
