// 3 rows x 16 lanes: 12 sums of 8, a register of weights and 3 of A. Both operands are extended to 16 bits and
// multiplied in pairs with int32 results (pmaddwd), which is exact; the product of unsigned and signed bytes
// (pmaddubsw) would saturate. A sum holds k % 4 in {0, 1} and {2, 3} of four lanes, added at the end.
#include "kernels/qgemm/qgemm_tile.h"
#include "kernels/simd/avx2_q8.h"

namespace sealedge {
namespace {

template <bool kSigned>
inline __m256i broadcast_quad(const uint8_t* a) {
  int quad;
  __builtin_memcpy(&quad, a, 4);
  const __m128i bytes = _mm_set1_epi32(quad);
  return kSigned ? _mm256_cvtepi8_epi16(bytes) : _mm256_cvtepu8_epi16(bytes);
}

// [l0 l0' l1 l1' | l2 l2' l3 l3'] and the next four lanes to the sums of eight.
inline __m256i add_halves(__m256i a, __m256i b) { return _mm256_permute4x64_epi64(_mm256_hadd_epi32(a, b), 0xd8); }

template <int kRows, bool kSigned>
void tile(const Q8GemmTile& t) {
  __m256i acc[4][kRows];
  for (auto& group : acc) {
    for (int i = 0; i < kRows; i++) group[i] = _mm256_setzero_si256();
  }
  const auto* w = reinterpret_cast<const __m128i*>(t.panel);
  for (size_t r = 0; r < t.runs; r++) {
    const uint8_t* a[kRows];
    for (int i = 0; i < kRows; i++) a[i] = t.rows_a[i] + t.run_offsets[r];
    for (size_t q = 0; q < t.run_quads; q++, w += 4) {
      __m256i x[kRows];
      for (int i = 0; i < kRows; i++) x[i] = broadcast_quad<kSigned>(a[i] + 4 * q);
#pragma clang loop unroll(full)
      for (int g = 0; g < 4; g++) {
        const __m256i weights = _mm256_cvtepi8_epi16(_mm_loadu_si128(w + g));
        for (int i = 0; i < kRows; i++) acc[g][i] = _mm256_add_epi32(acc[g][i], _mm256_madd_epi16(x[i], weights));
      }
    }
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < kRows; i++) {
    const auto* from = reinterpret_cast<const __m256i*>(t.start ? t.start : t.partial + 16 * i);
    Avx2Sums sums = {_mm256_add_epi32(_mm256_loadu_si256(from), add_halves(acc[0][i], acc[1][i])),
                     _mm256_add_epi32(_mm256_loadu_si256(from + 1), add_halves(acc[2][i], acc[3][i]))};
    if (!t.last) {
      auto* to = reinterpret_cast<__m256i*>(t.partial + 16 * i);
      _mm256_storeu_si256(to, sums.lo);
      _mm256_storeu_si256(to + 1, sums.hi);
      continue;
    }
    if (t.row_terms) {
      const __m256i term = _mm256_set1_epi32(t.row_terms[i]);
      const auto* zero = reinterpret_cast<const __m256i*>(t.weight_zero);
      sums.lo = _mm256_sub_epi32(sums.lo, _mm256_mullo_epi32(term, _mm256_loadu_si256(zero)));
      sums.hi = _mm256_sub_epi32(sums.hi, _mm256_mullo_epi32(term, _mm256_loadu_si256(zero + 1)));
    }
    q8_store_avx2(t.epilogue, sums, t.lane_begin, t.lane_end, t.c + static_cast<size_t>(i) * t.c_stride_bytes);
  }
}

}  // namespace

constexpr Q8GemmFamily q8_gemm_avx2 = {
    "q8_gemm_avx2",
    3,
    {{tile<1, false>, tile<2, false>, tile<3, false>}, {tile<1, true>, tile<2, true>, tile<3, true>}},
    {0, 0},
};

}  // namespace sealedge
