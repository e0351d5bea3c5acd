// Products of bytes without the dot-product extension. SMULL makes eight exact 16-bit products, the largest of which is
// 128 * 128; a second one added in 16 bits could wrap, so that SADALP adds pairs of them into 32 bits at once. Each sum
// is kept in two halves (k even pair, k odd pair) until the end: 2 rows take 16 of 32 registers, the products the rest.
#include "kernels/qgemm/qgemm_tile.h"
#include "kernels/simd/neon_q8.h"

namespace sealedge {
namespace {

template <bool kSigned, int kRows>
void tile(const Q8GemmTile& t) {
  int32x4_t half[kRows][8];
  for (int i = 0; i < kRows; i++) {
    for (int h = 0; h < 8; h++) half[i][h] = vdupq_n_s32(0);
  }
  const int8_t* w = t.panel;
  for (size_t r = 0; r < t.runs; r++) {
    const uint8_t* a[kRows];
    for (int i = 0; i < kRows; i++) a[i] = t.rows_a[i] + t.run_offsets[r];
    for (size_t q = 0; q < t.run_quads; q++, w += 64) {
      int8x16_t x[kRows];
      for (int i = 0; i < kRows; i++) x[i] = neon_load_quad<kSigned>(a[i] + 4 * q);
#pragma clang loop unroll(full)
      for (int v = 0; v < 4; v++) {
        const int8x16_t weights = vld1q_s8(w + 16 * v);
        for (int i = 0; i < kRows; i++) {
          half[i][2 * v] = vpadalq_s16(half[i][2 * v], vmull_s8(vget_low_s8(weights), vget_low_s8(x[i])));
          half[i][2 * v + 1] = vpadalq_s16(half[i][2 * v + 1], vmull_high_s8(weights, x[i]));
        }
      }
    }
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < kRows; i++) {
    int32x4_t sum[4];
    for (int v = 0; v < 4; v++) sum[v] = vpaddq_s32(half[i][2 * v], half[i][2 * v + 1]);
    neon_q8_finish_row(t, static_cast<size_t>(i), sum);
  }
}

}  // namespace

constexpr Q8GemmFamily q8_gemm_neon = {
    "q8_gemm_neon",
    2,
    {{tile<false, 1>, tile<false, 2>}, {tile<true, 1>, tile<true, 2>}},
    {-128, 0},
};

}  // namespace sealedge
