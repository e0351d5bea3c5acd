// Eight float lanes of AVX2 + FMA, for the *_simd.h templates. Only *_avx2.cc files include this: the type's name keeps
// what the templates instantiate apart from every other ISA's code.
#pragma once

#include <immintrin.h>

#include <cstddef>

namespace sealedge {

struct Avx2F32 {
  static constexpr size_t kLanes = 8;
  using Vector = __m256;
  using Mask = __m256i;  // which lanes of memory exist
  using Bool = __m256;   // the outcome of a comparison, per lane

  static inline Vector zero() { return _mm256_setzero_ps(); }
  static inline Vector set1(float v) { return _mm256_set1_ps(v); }
  static inline Vector load(const float* p) { return _mm256_loadu_ps(p); }
  static inline void store(float* p, Vector v) { _mm256_storeu_ps(p, v); }

  // Lanes begin..end - 1, counted from `base` at lane 0. vmaskmov neither touches nor faults on the others.
  static inline Mask mask(size_t begin, size_t end, size_t base = 0) {
    const __m256i lane =
        _mm256_add_epi32(_mm256_set1_epi32(static_cast<int>(base)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    const __m256i from = _mm256_cmpgt_epi32(lane, _mm256_set1_epi32(static_cast<int>(begin) - 1));
    const __m256i to = _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(end)), lane);
    return _mm256_and_si256(from, to);
  }
  static inline Vector load(Mask m, const float* p) { return _mm256_maskload_ps(p, m); }
  static inline void store(Mask m, float* p, Vector v) { _mm256_maskstore_ps(p, m, v); }

  static inline Vector add(Vector a, Vector b) { return _mm256_add_ps(a, b); }
  static inline Vector sub(Vector a, Vector b) { return _mm256_sub_ps(a, b); }
  static inline Vector mul(Vector a, Vector b) { return _mm256_mul_ps(a, b); }
  static inline Vector div(Vector a, Vector b) { return _mm256_div_ps(a, b); }
  static inline Vector fma(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }    // a * b + c
  static inline Vector fnma(Vector a, Vector b, Vector c) { return _mm256_fnmadd_ps(a, b, c); }  // c - a * b
  static inline Vector sqrt(Vector a) { return _mm256_sqrt_ps(a); }
  static inline Vector floor(Vector a) { return _mm256_floor_ps(a); }
  static inline Vector ceil(Vector a) { return _mm256_ceil_ps(a); }
  static inline Vector round(Vector a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

  // Like the instructions: the second operand when either is NaN. So min(limit, x) and max(limit, x) keep a NaN in x.
  static inline Vector min(Vector a, Vector b) { return _mm256_min_ps(a, b); }
  static inline Vector max(Vector a, Vector b) { return _mm256_max_ps(a, b); }
  // NaN when either is NaN (the first when both are); which zero comes out of two is open.
  static inline Vector minimum(Vector a, Vector b) { return select(is_nan(a), a, min(a, b)); }
  static inline Vector maximum(Vector a, Vector b) { return select(is_nan(a), a, max(a, b)); }

  static inline Bool less(Vector a, Vector b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
  static inline Bool is_nan(Vector a) { return _mm256_cmp_ps(a, a, _CMP_UNORD_Q); }
  static inline Vector select(Bool which, Vector yes, Vector no) { return _mm256_blendv_ps(no, yes, which); }

  static inline Vector sign_bit(Vector a) { return _mm256_and_ps(a, _mm256_set1_ps(-0.0f)); }
  static inline Vector abs(Vector a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
  static inline Vector flip_sign(Vector a, Vector sign) { return _mm256_xor_ps(a, sign); }

  // a * 2^n for whole n in [-252, 252]: in two steps, as 2^n alone may be denormal or infinite where the product is
  // not.
  static inline Vector scale_by_power_of_two(Vector a, Vector n) {
    const __m256i whole = _mm256_cvtps_epi32(n);
    const __m256i first = _mm256_srai_epi32(whole, 1);
    const __m256i second = _mm256_sub_epi32(whole, first);
    return _mm256_mul_ps(_mm256_mul_ps(a, power_of_two(first)), power_of_two(second));
  }
  // For positive normal a = m * 2^e with m in [0.75, 1.5): returns m, sets *e.
  static inline Vector mantissa(Vector a, Vector* e) {
    const __m256i bits = _mm256_castps_si256(a);
    const __m256i from_three_quarters = _mm256_sub_epi32(bits, _mm256_set1_epi32(0x3f400000));
    const __m256i exponent = _mm256_srai_epi32(from_three_quarters, 23);
    *e = _mm256_cvtepi32_ps(exponent);
    return _mm256_castsi256_ps(_mm256_sub_epi32(bits, _mm256_slli_epi32(exponent, 23)));
  }

  static inline float sum(Vector a) {
    const __m128 half = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    const __m128 quarter = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(quarter, _mm_movehdup_ps(quarter)));
  }

 private:
  static inline Vector power_of_two(__m256i n) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
  }
};

}  // namespace sealedge
