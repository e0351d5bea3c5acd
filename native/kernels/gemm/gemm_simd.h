// The GEMM tile for any vector type V (simd/*.h). B is loaded once per step of K and used for all rows; A is broadcast
// straight from memory, so neither is packed. Each of kRows x kVectors sums is one register; kSets > 1 splits K over
// several sets of them, so that tiles of few rows still have enough independent sums to hide the latency of FMA.
#pragma once

#include "kernels/gemm/gemm_tile.h"
#include "kernels/simd/epilogue_simd.h"

namespace sealedge {

template <typename V, int kVectors, int kRows, int kSets>
void f32_gemm_tile(const F32GemmTile& t) {
  constexpr size_t kLanes = V::kLanes;
  typename V::Vector acc[kSets][kVectors][kRows];
  for (int s = 0; s < kSets; s++) {
    for (int v = 0; v < kVectors; v++) {
      for (int i = 0; i < kRows; i++) acc[s][v][i] = V::zero();
    }
  }

  const float* b = t.panel;
  for (size_t r = 0; r < t.runs; r++) {
    const ptrdiff_t offset = t.run_offsets[r];
    const float* a[kRows];
    for (int i = 0; i < kRows; i++) a[i] = t.rows_a[i] + offset;
    size_t j = 0;
    for (; j + kSets <= t.run_length; j += kSets) {
#pragma clang loop unroll(full)
      for (int s = 0; s < kSets; s++) {
        typename V::Vector weights[kVectors];
        for (int v = 0; v < kVectors; v++) weights[v] = V::load(b + 16 * s + kLanes * v);
        for (int i = 0; i < kRows; i++) {
          const auto x = V::set1(a[i][j + s]);
          for (int v = 0; v < kVectors; v++) acc[s][v][i] = V::fma(x, weights[v], acc[s][v][i]);
        }
      }
      b += 16 * kSets;
    }
    // What kSets leaves over; nothing, and no code, for one set.
    for (; kSets > 1 && j < t.run_length; j++, b += 16) {
      for (int i = 0; i < kRows; i++) {
        const auto x = V::set1(a[i][j]);
        for (int v = 0; v < kVectors; v++) acc[0][v][i] = V::fma(x, V::load(b + kLanes * v), acc[0][v][i]);
      }
    }
  }

  // Unrolled by order: an index that stays a variable would keep all sums in memory, in the loop above too.
#pragma clang loop unroll(full)
  for (int v = 0; v < kVectors; v++) {
    const size_t lane = kLanes * v;
    const auto mask = V::mask(t.lane_begin, t.lane_end, lane);
    for (int s = 1; s < kSets; s++) {
      for (int i = 0; i < kRows; i++) acc[0][v][i] = V::add(acc[0][v][i], acc[s][v][i]);
    }
    float* c = t.c + lane;
    if (t.accumulate) {
      for (int i = 0; i < kRows; i++) {
        acc[0][v][i] = V::add(acc[0][v][i], V::load(mask, c + static_cast<size_t>(i) * t.c_stride));
      }
    }
    if (t.epilogue) apply_epilogue<V, kRows>(*t.epilogue, lane, mask, acc[0][v]);
    if (t.lane_begin <= lane && lane + kLanes <= t.lane_end) {
      for (int i = 0; i < kRows; i++) V::store(c + static_cast<size_t>(i) * t.c_stride, acc[0][v][i]);
    } else {
      for (int i = 0; i < kRows; i++) V::store(mask, c + static_cast<size_t>(i) * t.c_stride, acc[0][v][i]);
    }
  }
}

}  // namespace sealedge
