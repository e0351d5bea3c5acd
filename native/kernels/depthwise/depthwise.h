// f32 depthwise convolution, channels-last: X (N, D, H, W, C), Y (N, OD, OH, OW, C), one filter per channel, weights in
// kDepthwise16: [ceil(C/16)][KD*KH*KW][16]. Preconditions (asserted): no overlap of X and Y. Never allocates, never
// fails.
#pragma once

#include "kernels/conv/window_geometry.h"
#include "kernels/epilogue.h"
#include "kernels/kernel_context.h"
#include "kernels/weight_source.h"

namespace sealedge {

struct F32DepthwiseParams {
  WindowGeometry window;
  size_t channels;
  const float* x;
  float* y;
  F32Epilogue epilogue = {};
};

constexpr size_t f32_depthwise_weight_bytes(const WindowGeometry& w, size_t channels) {
  return (channels + 15) / 16 * w.taps() * 64;
}

// x, y and epilogue are not looked at.
size_t f32_depthwise_scratch_bytes(const F32DepthwiseParams& params, unsigned threads);
void f32_depthwise(const F32DepthwiseParams& params, const WeightSource& weights, const KernelContext& context);

}  // namespace sealedge
