// The depthwise tile on AVX-512, 16 channels a register. `multiply_add` is what VNNI has one instruction for: pairs of
// 16-bit products added to an int32 sum, exactly.
#pragma once

#include "kernels/qdepthwise/qdepthwise_tile.h"
#include "kernels/simd/avx512_q8.h"

namespace sealedge {

template <bool kSigned, int kPixels, __m512i (*kMultiplyAdd)(__m512i, __m512i, __m512i)>
static inline void q8_depthwise_pixels(const Q8DepthwiseTile& t, size_t p, __mmask16 mask) {
  const __m512i start = _mm512_loadu_si512(t.start);
  __m512i acc[kPixels];
  for (auto& sums : acc) sums = start;
  for (size_t pair = 0; pair < t.pairs; pair++) {
    const __m512i weights = _mm512_loadu_si512(t.weights + 32 * pair);
    const uint8_t *x0 = t.taps[2 * pair] + p * t.pixel_step, *x1 = t.taps[2 * pair + 1] + p * t.pixel_step;
    for (int i = 0; i < kPixels; i++, x0 += t.pixel_step, x1 += t.pixel_step) {
      const __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x0));
      const __m128i b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x1));
      const __m256i bytes = _mm256_set_m128i(_mm_unpackhi_epi8(a, b), _mm_unpacklo_epi8(a, b));
      const __m512i x = kSigned ? _mm512_cvtepi8_epi16(bytes) : _mm512_cvtepu8_epi16(bytes);
      acc[i] = kMultiplyAdd(acc[i], x, weights);
    }
  }
  for (int i = 0; i < kPixels; i++) {
    q8_store_avx512(t.epilogue, acc[i], mask, t.y + (p + static_cast<size_t>(i)) * t.y_stride_bytes);
  }
}

template <bool kSigned, __m512i (*kMultiplyAdd)(__m512i, __m512i, __m512i)>
void q8_depthwise_tile(const Q8DepthwiseTile& t) {
  const __mmask16 mask = q8_lane_mask_avx512(0, t.channels);
  size_t p = 0;
  for (; p + 8 <= t.pixels; p += 8) q8_depthwise_pixels<kSigned, 8, kMultiplyAdd>(t, p, mask);
  for (; p + 2 <= t.pixels; p += 2) q8_depthwise_pixels<kSigned, 2, kMultiplyAdd>(t, p, mask);
  for (; p < t.pixels; p++) q8_depthwise_pixels<kSigned, 1, kMultiplyAdd>(t, p, mask);
}

static inline void q8_depthwise_expand_avx512(const int8_t* panel, size_t taps, const int32_t* zero, int16_t* weights,
                                              int32_t* sums) {
  // Each 32-bit lane holds the zero point for both taps of a pair, or for the first alone.
  const __m512i zeros = zero ? _mm512_loadu_si512(zero) : _mm512_setzero_si512();
  const __m512i one = _mm512_and_si512(zeros, _mm512_set1_epi32(0xffff));
  const __m512i both = _mm512_or_si512(one, _mm512_slli_epi32(zeros, 16));
  __m512i total = _mm512_loadu_si512(sums);
  for (size_t tap = 0; tap < taps; tap += 2, weights += 32) {
    const bool last = tap + 1 == taps;
    const auto* from = reinterpret_cast<const __m128i*>(panel + 16 * tap);
    const __m128i a = _mm_loadu_si128(from), b = last ? _mm_setzero_si128() : _mm_loadu_si128(from + 1);
    const __m256i bytes = _mm256_set_m128i(_mm_unpackhi_epi8(a, b), _mm_unpacklo_epi8(a, b));
    const __m512i pair = _mm512_sub_epi16(_mm512_cvtepi8_epi16(bytes), last ? one : both);
    _mm512_storeu_si512(weights, pair);
    total = _mm512_add_epi32(total, _mm512_madd_epi16(pair, _mm512_set1_epi16(1)));
  }
  _mm512_storeu_si512(sums, total);
}

}  // namespace sealedge
