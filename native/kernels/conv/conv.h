// f32 convolution, channels-last. X (N, D, H, W, C), Y (N, OD, OH, OW, O), W in kPanel16: [ceil(O/16)][K][16] with
// K = (kd, kh, kw, c) in that order, c over C/groups. A panel may hold output channels of several groups.
// Preconditions (asserted): groups divides C and O; no overlap of X and Y. Never allocates, never fails.
// Depthwise (groups == C == O) belongs to depthwise/depthwise.h.
#pragma once

#include "kernels/conv/window_geometry.h"
#include "kernels/epilogue.h"
#include "kernels/kernel_context.h"
#include "kernels/weight_source.h"

namespace sealedge {

struct F32ConvParams {
  WindowGeometry window;
  size_t in_channels, out_channels;
  size_t groups = 1;
  const float* x;
  // X is (N, C, D, H, W): the conversion is made in the same pass that adds the padding, cheaper than a layout pass
  // before.
  bool x_channels_first = false;
  float* y;
  F32Epilogue epilogue = {};
};

constexpr size_t f32_conv_weight_bytes(const WindowGeometry& w, size_t in_channels, size_t out_channels,
                                       size_t groups) {
  return (out_channels + 15) / 16 * w.taps() * (in_channels / groups) * 64;
}

// Room for the padded copy of X and the run offsets; x, y, epilogue are not looked at.
size_t f32_conv_scratch_bytes(const F32ConvParams& params);
void f32_conv(const F32ConvParams& params, const WeightSource& weights, const KernelContext& context);

}  // namespace sealedge
