// 8-bit pooling, channels-last: X (N, D, H, W, C), Y (N, OD, OH, OW, C). A global pool is a window as large as the
// input. Padding does not count for the maximum and is the zero point for the average (docs/QUANTISATION.md, "Pools"):
//
//   average   y = round_to_step(fl32(fl32(fl32(sum of (x - x_zero)) * ratio) / fl32(count)))
//
// with count as in pool/pool.h; 0 where a window has nothing to count. Never allocates, never fails.
#pragma once

#include "kernels/conv/window_geometry.h"
#include "kernels/kernel_context.h"
#include "kernels/pool/pool.h"

namespace sealedge {

struct Q8PoolParams {
  PoolKind kind = PoolKind::kMax;
  WindowGeometry window;
  size_t channels = 0;
  bool count_include_pad = false;
  bool is_signed = false;  // X, and Y of kMax
  // Of the average only: fl32(x_scale / y_scale), and where Y is clamped before y_zero is added.
  int32_t x_zero = 0;
  int32_t y_zero = 0;
  float ratio = 1;
  float lo = 0, hi = 0;
  const uint8_t* x = nullptr;
  uint8_t* y = nullptr;
};

void q8_pool(const Q8PoolParams& params, const KernelContext& context);

}  // namespace sealedge
