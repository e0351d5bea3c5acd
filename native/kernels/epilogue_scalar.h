// The epilogue of one value, written down plainly: what the SIMD epilogues must equal.
#pragma once

#include "kernels/epilogue.h"

namespace sealedge {

// `lane` indexes scale and shift, `row` the rows of residual.
inline float f32_epilogue_scalar(const F32Epilogue& e, float v, size_t row, size_t lane) {
  if (e.scale) v *= e.scale[lane];
  if (e.shift) v += e.shift[lane];
  if (e.residual) v += e.residual[row * e.residual_stride + lane];
  switch (e.activation) {
    case F32Activation::kNone:
      break;
    case F32Activation::kClamp:
      // A comparison with NaN is false, so NaN passes.
      if (v < e.lo) v = e.lo;
      if (v > e.hi) v = e.hi;
      break;
    case F32Activation::kLeakyRelu:
      if (v < 0.0f) v *= e.slope;
      break;
  }
  return v;
}

}  // namespace sealedge
