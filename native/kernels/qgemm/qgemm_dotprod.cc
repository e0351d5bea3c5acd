// Products of bytes by SDOT, which adds four of them to a 32-bit sum and never saturates: the panel's quads are its
// operands as they lie. 6 rows x 16 lanes take 24 of 32 registers, four more hold a quad of the panel.
#include "kernels/qgemm/qgemm_tile.h"
#include "kernels/simd/neon_q8.h"

namespace sealedge {
namespace {

template <bool kSigned, int kRows>
void tile(const Q8GemmTile& t) {
  int32x4_t sum[kRows][4];
  for (int i = 0; i < kRows; i++) {
    for (int v = 0; v < 4; v++) sum[i][v] = vdupq_n_s32(0);
  }
  const int8_t* w = t.panel;
  for (size_t r = 0; r < t.runs; r++) {
    const uint8_t* a[kRows];
    for (int i = 0; i < kRows; i++) a[i] = t.rows_a[i] + t.run_offsets[r];
    for (size_t q = 0; q < t.run_quads; q++, w += 64) {
      int8x16_t weights[4];
      for (int v = 0; v < 4; v++) weights[v] = vld1q_s8(w + 16 * v);
      for (int i = 0; i < kRows; i++) {
        const int8x16_t x = neon_load_quad<kSigned>(a[i] + 4 * q);
        for (int v = 0; v < 4; v++) sum[i][v] = vdotq_s32(sum[i][v], weights[v], x);
      }
    }
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < kRows; i++) neon_q8_finish_row(t, static_cast<size_t>(i), sum[i]);
}

}  // namespace

constexpr Q8GemmFamily q8_gemm_dotprod = {
    "q8_gemm_dotprod",
    6,
    {{tile<false, 1>, tile<false, 2>, tile<false, 3>, tile<false, 4>, tile<false, 5>, tile<false, 6>},
     {tile<true, 1>, tile<true, 2>, tile<true, 3>, tile<true, 4>, tile<true, 5>, tile<true, 6>}},
    {-128, 0},
};

}  // namespace sealedge
