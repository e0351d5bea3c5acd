// int32 sums of 16 lanes to what is stored, AVX-512: kernels/requantize.h in one register, with masks for the lanes.
#pragma once

#include <immintrin.h>

#include "kernels/requantize.h"

namespace sealedge {

static inline __mmask16 q8_lane_mask_avx512(size_t lane_begin, size_t lane_end) {
  return static_cast<__mmask16>((1u << lane_end) - (1u << lane_begin));
}

// Stores the lanes of `mask` of one row; `to` is where lane 0 would be.
static inline void q8_store_avx512(const Q8Epilogue& e, __m512i sums, __mmask16 mask, uint8_t* to) {
  if (e.output == Q8Output::kInt32) return _mm512_mask_storeu_epi32(to, mask, sums);
  const __m512 v = _mm512_mul_ps(_mm512_cvtepi32_ps(sums), _mm512_loadu_ps(e.multiplier));
  if (e.output == Q8Output::kFloat32) return _mm512_mask_storeu_ps(to, mask, v);
  // max and min return their second operand where the first is not a number.
  const __m512 clamped = _mm512_min_ps(_mm512_max_ps(v, _mm512_set1_ps(e.lo)), _mm512_set1_ps(e.hi));
  const __m512i y = _mm512_add_epi32(_mm512_cvtps_epi32(clamped), _mm512_set1_epi32(e.zero_point));
  // Some CPUs take a dozen cycles for a store with a mask of bytes.
  if (mask == 0xffff) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtepi32_epi8(y));
  } else {
    _mm_mask_storeu_epi8(to, mask, _mm512_cvtepi32_epi8(y));
  }
}

}  // namespace sealedge
