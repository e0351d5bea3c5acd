// int32 sums of 16 lanes to what is stored, AVX2: kernels/requantize.h in two registers. The same operations in the
// same order as requantize_scalar.h, so the same bytes; conversions round to nearest even, as MXCSR says.
#pragma once

#include <immintrin.h>

#include "kernels/requantize.h"

namespace sealedge {

struct Avx2Sums {
  __m256i lo, hi;  // lanes 0..7, 8..15
};

// max and min return their second operand where the first is not a number.
static inline __m256 q8_clamp_avx2(__m256 v, __m256 lo, __m256 hi) { return _mm256_min_ps(_mm256_max_ps(v, lo), hi); }

// Whole numbers within the type's bounds, so that packing never saturates.
static inline __m128i q8_pack_avx2(__m256i a, __m256i b, bool is_signed) {
  const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xd8);
  const __m128i low = _mm256_castsi256_si128(words), high = _mm256_extracti128_si256(words, 1);
  return is_signed ? _mm_packs_epi16(low, high) : _mm_packus_epi16(low, high);
}

static inline void q8_copy_lanes_avx2(const uint8_t* from, size_t size, size_t lane_begin, size_t lane_end,
                                      uint8_t* to) {
  for (size_t i = lane_begin * size; i < lane_end * size; i++) to[i] = from[i];
}

// Stores lanes lane_begin..lane_end - 1 of one row; `to` is where lane 0 would be.
static inline void q8_store_avx2(const Q8Epilogue& e, Avx2Sums sums, size_t lane_begin, size_t lane_end, uint8_t* to) {
  const bool whole = lane_begin == 0 && lane_end == 16;
  alignas(32) uint8_t bytes[64];
  if (e.output == Q8Output::kInt32 || e.output == Q8Output::kFloat32) {
    if (e.output == Q8Output::kFloat32) {
      const __m256 a = _mm256_mul_ps(_mm256_cvtepi32_ps(sums.lo), _mm256_loadu_ps(e.multiplier));
      const __m256 b = _mm256_mul_ps(_mm256_cvtepi32_ps(sums.hi), _mm256_loadu_ps(e.multiplier + 8));
      sums = {_mm256_castps_si256(a), _mm256_castps_si256(b)};
    }
    auto* out = reinterpret_cast<__m256i*>(whole ? to : bytes);
    _mm256_storeu_si256(out, sums.lo);
    _mm256_storeu_si256(out + 1, sums.hi);
    if (!whole) q8_copy_lanes_avx2(bytes, 4, lane_begin, lane_end, to);
    return;
  }
  const __m256 lo = _mm256_set1_ps(e.lo), hi = _mm256_set1_ps(e.hi);
  const __m256i zero = _mm256_set1_epi32(e.zero_point);
  const __m256 a = _mm256_mul_ps(_mm256_cvtepi32_ps(sums.lo), _mm256_loadu_ps(e.multiplier));
  const __m256 b = _mm256_mul_ps(_mm256_cvtepi32_ps(sums.hi), _mm256_loadu_ps(e.multiplier + 8));
  const __m256i x = _mm256_add_epi32(_mm256_cvtps_epi32(q8_clamp_avx2(a, lo, hi)), zero);
  const __m256i y = _mm256_add_epi32(_mm256_cvtps_epi32(q8_clamp_avx2(b, lo, hi)), zero);
  const __m128i packed = q8_pack_avx2(x, y, e.output == Q8Output::kInt8);
  if (whole) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), packed);
  } else {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(bytes), packed);
    q8_copy_lanes_avx2(bytes, 1, lane_begin, lane_end, to);
  }
}

}  // namespace sealedge
