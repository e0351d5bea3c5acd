// 12 rows x 16 lanes, one register a row. vpdpbusd adds four products of unsigned and signed bytes to an int32; unlike
// vpdpbusds and pmaddubsw it never saturates (Intel SDM, VPDPBUSD). A is its unsigned operand: signed elements are
// moved by 128, which `start` allows for (a_bias).
#include "kernels/qgemm/qgemm_tile.h"
#include "kernels/simd/avx512_q8.h"

namespace sealedge {
namespace {

// `signs` is 0x80 in every byte. That must not be known to the compiler, which would flip the signs of the four bytes
// before broadcasting them: three instructions instead of one with a broadcast operand from memory.
template <bool kSigned>
inline __m512i broadcast_quad(const uint8_t* a, __m512i signs) {
  int quad;
  __builtin_memcpy(&quad, a, 4);
  const __m512i bytes = _mm512_set1_epi32(quad);
  return kSigned ? _mm512_xor_si512(bytes, signs) : bytes;
}
// kSets > 1 splits K over several sums, so that tiles of few rows still have enough of them to hide the latency.
template <int kRows, int kSets, bool kSigned>
void tile(const Q8GemmTile& t) {
  __m512i acc[kSets][kRows];
  for (int i = 0; i < kRows; i++) {
    acc[0][i] = _mm512_loadu_si512(t.start ? t.start : t.partial + 16 * i);
    for (int s = 1; s < kSets; s++) acc[s][i] = _mm512_setzero_si512();
  }
  const int8_t* w = t.panel;
  __m512i signs = _mm512_set1_epi8(-128);
  __asm__("" : "+v"(signs));
  for (size_t r = 0; r < t.runs; r++) {
    const uint8_t* a[kRows];
    for (int i = 0; i < kRows; i++) a[i] = t.rows_a[i] + t.run_offsets[r];
    size_t q = 0;
    for (; q + kSets <= t.run_quads; q += kSets) {
#pragma clang loop unroll(full)
      for (int s = 0; s < kSets; s++, w += 64) {
        const __m512i weights = _mm512_loadu_si512(w);
        for (int i = 0; i < kRows; i++) {
          const __m512i x = broadcast_quad<kSigned>(a[i] + 4 * (q + static_cast<size_t>(s)), signs);
          acc[s][i] = _mm512_dpbusd_epi32(acc[s][i], x, weights);
        }
      }
    }
    for (; kSets > 1 && q < t.run_quads; q++, w += 64) {
      const __m512i weights = _mm512_loadu_si512(w);
      for (int i = 0; i < kRows; i++) {
        acc[0][i] = _mm512_dpbusd_epi32(acc[0][i], broadcast_quad<kSigned>(a[i] + 4 * q, signs), weights);
      }
    }
  }
  const __mmask16 mask = q8_lane_mask_avx512(t.lane_begin, t.lane_end);
#pragma clang loop unroll(full)
  for (int i = 0; i < kRows; i++) {
    __m512i sums = acc[0][i];
    for (int s = 1; s < kSets; s++) sums = _mm512_add_epi32(sums, acc[s][i]);
    if (!t.last) {
      _mm512_storeu_si512(t.partial + 16 * i, sums);
      continue;
    }
    if (t.row_terms) {
      const __m512i term = _mm512_set1_epi32(t.row_terms[i]);
      sums = _mm512_sub_epi32(sums, _mm512_mullo_epi32(term, _mm512_loadu_si512(t.weight_zero)));
    }
    q8_store_avx512(t.epilogue, sums, mask, t.c + static_cast<size_t>(i) * t.c_stride_bytes);
  }
}

}  // namespace

constexpr Q8GemmFamily q8_gemm_vnni = {
    "q8_gemm_vnni",
    12,
    {{tile<1, 8, false>, tile<2, 4, false>, tile<3, 4, false>, tile<4, 2, false>, tile<5, 2, false>, tile<6, 2, false>,
      tile<7, 1, false>, tile<8, 1, false>, tile<9, 1, false>, tile<10, 1, false>, tile<11, 1, false>,
      tile<12, 1, false>},
     {tile<1, 8, true>, tile<2, 4, true>, tile<3, 4, true>, tile<4, 2, true>, tile<5, 2, true>, tile<6, 2, true>,
      tile<7, 1, true>, tile<8, 1, true>, tile<9, 1, true>, tile<10, 1, true>, tile<11, 1, true>, tile<12, 1, true>}},
    {0, 128},
};

}  // namespace sealedge
