// The epilogue of epilogue.h on accumulators in registers: rows[i] holds the sums of row i, lanes of one vector.
#pragma once

#include "kernels/epilogue.h"

namespace sealedge {

template <typename V, int kRows>
inline __attribute__((always_inline)) void apply_epilogue(const F32Epilogue& e, size_t lane, typename V::Mask mask,
                                                          typename V::Vector (&rows)[kRows]) {
  if (e.scale) {
    const auto scale = V::load(mask, e.scale + lane);
    for (int i = 0; i < kRows; i++) rows[i] = V::mul(rows[i], scale);
  }
  if (e.shift) {
    const auto shift = V::load(mask, e.shift + lane);
    for (int i = 0; i < kRows; i++) rows[i] = V::add(rows[i], shift);
  }
  if (e.residual) {
    for (int i = 0; i < kRows; i++) {
      rows[i] = V::add(rows[i], V::load(mask, e.residual + static_cast<size_t>(i) * e.residual_stride + lane));
    }
  }
  if (e.activation == F32Activation::kClamp) {
    // The value is the second operand, so that NaN stays.
    const auto lo = V::set1(e.lo), hi = V::set1(e.hi);
    for (int i = 0; i < kRows; i++) rows[i] = V::min(hi, V::max(lo, rows[i]));
  } else if (e.activation == F32Activation::kLeakyRelu) {
    const auto slope = V::set1(e.slope), zero = V::zero();
    for (int i = 0; i < kRows; i++) rows[i] = V::select(V::less(rows[i], zero), V::mul(rows[i], slope), rows[i]);
  }
}

}  // namespace sealedge
