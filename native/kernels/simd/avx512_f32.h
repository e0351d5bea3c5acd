// Float lanes of AVX-512 (F, BW, DQ, VL): sixteen, or eight in 256-bit registers, which many cores run twice as fast
// when no more lanes are needed. Same shape as simd/avx2_f32.h, which explains the less obvious members.
#pragma once

#include <immintrin.h>

#include <cstddef>

namespace sealedge {

struct Avx512F32 {
  static constexpr size_t kLanes = 16;
  using Vector = __m512;
  using Mask = __mmask16;
  using Bool = __mmask16;

  static inline Vector zero() { return _mm512_setzero_ps(); }
  static inline Vector set1(float v) { return _mm512_set1_ps(v); }
  static inline Vector load(const float* p) { return _mm512_loadu_ps(p); }
  static inline void store(float* p, Vector v) { _mm512_storeu_ps(p, v); }

  static inline Mask mask(size_t begin, size_t end, size_t base = 0) {
    return static_cast<Mask>(((1u << end) - (1u << begin)) >> base);
  }
  static inline Vector load(Mask m, const float* p) { return _mm512_maskz_loadu_ps(m, p); }
  static inline void store(Mask m, float* p, Vector v) { _mm512_mask_storeu_ps(p, m, v); }

  static inline Vector add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
  static inline Vector sub(Vector a, Vector b) { return _mm512_sub_ps(a, b); }
  static inline Vector mul(Vector a, Vector b) { return _mm512_mul_ps(a, b); }
  static inline Vector div(Vector a, Vector b) { return _mm512_div_ps(a, b); }
  static inline Vector fma(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
  static inline Vector fnma(Vector a, Vector b, Vector c) { return _mm512_fnmadd_ps(a, b, c); }
  static inline Vector sqrt(Vector a) { return _mm512_sqrt_ps(a); }
  static inline Vector floor(Vector a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
  static inline Vector ceil(Vector a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC); }
  static inline Vector round(Vector a) {
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }

  static inline Vector min(Vector a, Vector b) { return _mm512_min_ps(a, b); }
  static inline Vector max(Vector a, Vector b) { return _mm512_max_ps(a, b); }
  static inline Vector minimum(Vector a, Vector b) { return select(is_nan(a), a, min(a, b)); }
  static inline Vector maximum(Vector a, Vector b) { return select(is_nan(a), a, max(a, b)); }

  static inline Bool less(Vector a, Vector b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
  static inline Bool is_nan(Vector a) { return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q); }
  static inline Vector select(Bool which, Vector yes, Vector no) { return _mm512_mask_blend_ps(which, no, yes); }

  static inline Vector sign_bit(Vector a) { return _mm512_and_ps(a, _mm512_set1_ps(-0.0f)); }
  static inline Vector abs(Vector a) { return _mm512_abs_ps(a); }
  static inline Vector flip_sign(Vector a, Vector sign) { return _mm512_xor_ps(a, sign); }

  static inline Vector scale_by_power_of_two(Vector a, Vector n) { return _mm512_scalef_ps(a, n); }
  static inline Vector mantissa(Vector a, Vector* e) {
    const __m512i bits = _mm512_castps_si512(a);
    const __m512i exponent = _mm512_srai_epi32(_mm512_sub_epi32(bits, _mm512_set1_epi32(0x3f400000)), 23);
    *e = _mm512_cvtepi32_ps(exponent);
    return _mm512_castsi512_ps(_mm512_sub_epi32(bits, _mm512_slli_epi32(exponent, 23)));
  }

  static inline float sum(Vector a) { return _mm512_reduce_add_ps(a); }
};

// Only what tiles of products need.
struct Avx512HalfF32 {
  static constexpr size_t kLanes = 8;
  using Vector = __m256;
  using Mask = __mmask8;
  using Bool = __mmask8;

  static inline Vector zero() { return _mm256_setzero_ps(); }
  static inline Vector set1(float v) { return _mm256_set1_ps(v); }
  static inline Vector load(const float* p) { return _mm256_loadu_ps(p); }
  static inline void store(float* p, Vector v) { _mm256_storeu_ps(p, v); }
  static inline Mask mask(size_t begin, size_t end, size_t base = 0) {
    return static_cast<Mask>(((1u << end) - (1u << begin)) >> base);
  }
  static inline Vector load(Mask m, const float* p) { return _mm256_maskz_loadu_ps(m, p); }
  static inline void store(Mask m, float* p, Vector v) { _mm256_mask_storeu_ps(p, m, v); }
  static inline Vector add(Vector a, Vector b) { return _mm256_add_ps(a, b); }
  static inline Vector mul(Vector a, Vector b) { return _mm256_mul_ps(a, b); }
  static inline Vector fma(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
  static inline Vector min(Vector a, Vector b) { return _mm256_min_ps(a, b); }
  static inline Vector max(Vector a, Vector b) { return _mm256_max_ps(a, b); }
  static inline Bool less(Vector a, Vector b) { return _mm256_cmp_ps_mask(a, b, _CMP_LT_OQ); }
  static inline Vector select(Bool which, Vector yes, Vector no) { return _mm256_mask_blend_ps(which, no, yes); }
};

}  // namespace sealedge
