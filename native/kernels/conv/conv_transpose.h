// f32 transposed convolution, channels-last: X (N, D, H, W, C), Y (N, OD, OH, OW, O), W in kPanel16, kGemmKN of the
// ONNX tensor (C, O / groups, spatial...): [ceil(O/groups * taps / 16)][C][16].
//
// A GEMM makes of every input pixel the O/groups * taps products that it adds to the output ("columns"); a second pass
// gathers them, row by row of Y, so that threads never write to one place. Never allocates, never fails.
#pragma once

#include "kernels/conv/window_geometry.h"
#include "kernels/epilogue.h"
#include "kernels/kernel_context.h"
#include "kernels/weight_source.h"

namespace sealedge {

struct F32ConvTransposeParams {
  // Of the convolution that this one transposes: window.in is the size of Y, window.out that of X.
  WindowGeometry window;
  size_t in_channels, out_channels;
  size_t groups = 1;
  const float* x = nullptr;
  float* y = nullptr;  // no overlap with x
  F32Epilogue epilogue = {};
};

size_t f32_conv_transpose_scratch_bytes(const F32ConvTransposeParams& params);
void f32_conv_transpose(const F32ConvTransposeParams& params, const WeightSource& weights,
                        const KernelContext& context);

}  // namespace sealedge
