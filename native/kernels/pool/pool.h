// f32 pooling, channels-last: X (N, D, H, W, C), Y (N, OD, OH, OW, C). A global pool is a window as large as the input.
// Max ignores padding (a window that touches none of X gives -infinity); a NaN in the window gives NaN.
// Average divides by the elements of X in the window, or with count_include_pad by those plus the padding; never by
// what ceil_mode lets stick out past the padding (ONNX AveragePool-19). Never allocates, never fails.
#pragma once

#include "kernels/conv/window_geometry.h"
#include "kernels/kernel_context.h"

namespace sealedge {

// kLp, (sum of |x|^p)^(1/p), has no vector kernel: pool_reference.h.
enum class PoolKind : unsigned char { kMax, kAverage, kLp };

struct F32PoolParams {
  PoolKind kind;  // kMax, kAverage
  WindowGeometry window;
  size_t channels;
  bool count_include_pad = false;
  const float* x;
  float* y;
};

void f32_pool(const F32PoolParams& params, const KernelContext& context);

}  // namespace sealedge
