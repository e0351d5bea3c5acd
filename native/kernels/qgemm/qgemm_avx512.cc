// For CPUs with AVX-512 BW but without VNNI: as the AVX2 tile (qgemm_avx2.cc), with eight lanes a register and 8 rows.
#include "kernels/qgemm/qgemm_tile.h"
#include "kernels/simd/avx512_q8.h"

namespace sealedge {
namespace {

template <bool kSigned>
inline __m512i broadcast_quad(const uint8_t* a) {
  int quad;
  __builtin_memcpy(&quad, a, 4);
  const __m256i bytes = _mm256_set1_epi32(quad);
  return kSigned ? _mm512_cvtepi8_epi16(bytes) : _mm512_cvtepu8_epi16(bytes);
}

// Two registers of eight lanes, each as two neighbours, to the sums of 16 lanes.
inline __m512i add_halves(__m512i a, __m512i b) {
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  return _mm512_add_epi32(_mm512_permutex2var_epi32(a, even, b), _mm512_permutex2var_epi32(a, odd, b));
}

template <int kRows, bool kSigned>
void tile(const Q8GemmTile& t) {
  __m512i acc[2][kRows];
  for (auto& group : acc) {
    for (int i = 0; i < kRows; i++) group[i] = _mm512_setzero_si512();
  }
  const auto* w = reinterpret_cast<const __m256i*>(t.panel);
  for (size_t r = 0; r < t.runs; r++) {
    const uint8_t* a[kRows];
    for (int i = 0; i < kRows; i++) a[i] = t.rows_a[i] + t.run_offsets[r];
    for (size_t q = 0; q < t.run_quads; q++, w += 2) {
      const __m512i low = _mm512_cvtepi8_epi16(_mm256_loadu_si256(w));
      const __m512i high = _mm512_cvtepi8_epi16(_mm256_loadu_si256(w + 1));
      for (int i = 0; i < kRows; i++) {
        const __m512i x = broadcast_quad<kSigned>(a[i] + 4 * q);
        acc[0][i] = _mm512_add_epi32(acc[0][i], _mm512_madd_epi16(x, low));
        acc[1][i] = _mm512_add_epi32(acc[1][i], _mm512_madd_epi16(x, high));
      }
    }
  }
  const __mmask16 mask = q8_lane_mask_avx512(t.lane_begin, t.lane_end);
#pragma clang loop unroll(full)
  for (int i = 0; i < kRows; i++) {
    const __m512i start = _mm512_loadu_si512(t.start ? t.start : t.partial + 16 * i);
    __m512i sums = _mm512_add_epi32(start, add_halves(acc[0][i], acc[1][i]));
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

constexpr Q8GemmFamily q8_gemm_avx512 = {
    "q8_gemm_avx512",
    8,
    {{tile<1, false>, tile<2, false>, tile<3, false>, tile<4, false>, tile<5, false>, tile<6, false>, tile<7, false>,
      tile<8, false>},
     {tile<1, true>, tile<2, true>, tile<3, true>, tile<4, true>, tile<5, true>, tile<6, true>, tile<7, true>,
      tile<8, true>}},
    {0, 0},
};

}  // namespace sealedge
