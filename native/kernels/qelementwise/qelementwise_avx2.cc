// Sixteen elements at a time; what is left over goes through the scalar formulas, which give the same.
#include "kernels/qelementwise/qelementwise_family.h"
#include "kernels/qelementwise/qelementwise_scalar.h"
#include "kernels/simd/avx2_q8.h"

namespace sealedge {
namespace {

struct Pair {
  __m256 lo, hi;  // elements 0..7, 8..15
};

inline __m256i widen(__m128i bytes, bool is_signed) {
  return is_signed ? _mm256_cvtepi8_epi32(bytes) : _mm256_cvtepu8_epi32(bytes);
}

inline Pair dequantize_bytes(const Q8Scale& from, __m128i bytes) {
  const __m256i zero = _mm256_set1_epi32(from.zero_point);
  const __m256 scale = _mm256_set1_ps(from.scale);
  const __m256i a = _mm256_sub_epi32(widen(bytes, from.is_signed), zero);
  const __m256i b = _mm256_sub_epi32(widen(_mm_srli_si128(bytes, 8), from.is_signed), zero);
  return {_mm256_mul_ps(_mm256_cvtepi32_ps(a), scale), _mm256_mul_ps(_mm256_cvtepi32_ps(b), scale)};
}

inline __m128i load_bytes(const uint8_t* x) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(x)); }

inline __m256i to_steps(const Q8Step& to, __m256 v) {
  const __m256 steps = _mm256_div_ps(v, _mm256_set1_ps(to.scale));
  const __m256 clamped = q8_clamp_avx2(steps, _mm256_set1_ps(to.lo), _mm256_set1_ps(to.hi));
  return _mm256_add_epi32(_mm256_cvtps_epi32(clamped), _mm256_set1_epi32(to.zero_point));
}

// Whether the results are int8: their least is below zero. (Of uint8 none is, and all of int8 that are not fit both.)
inline bool packs_signed(const Q8Step& to) { return static_cast<float>(to.zero_point) + to.lo < 0.0f; }

inline void store_steps(const Q8Step& to, Pair v, uint8_t* y) {
  const __m128i bytes = q8_pack_avx2(to_steps(to, v.lo), to_steps(to, v.hi), packs_signed(to));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(y), bytes);
}

void dequantize(const Q8Scale& from, const uint8_t* x, float* y, size_t size) {
  size_t i = 0;
  for (; i + 16 <= size; i += 16) {
    const Pair v = dequantize_bytes(from, load_bytes(x + i));
    _mm256_storeu_ps(y + i, v.lo);
    _mm256_storeu_ps(y + i + 8, v.hi);
  }
  for (; i < size; i++) y[i] = q8_dequantize_scalar(from, x[i]);
}

void quantize(const Q8Step& to, const float* x, uint8_t* y, size_t size) {
  size_t i = 0;
  for (; i + 16 <= size; i += 16) store_steps(to, {_mm256_loadu_ps(x + i), _mm256_loadu_ps(x + i + 8)}, y + i);
  for (; i < size; i++) y[i] = q8_quantize_scalar(to, x[i]);
}

void binary(const Q8BinaryParams& p, const uint8_t* a, size_t a_step, const uint8_t* b, size_t b_step, uint8_t* y,
            size_t size) {
  const __m128i a_one = _mm_set1_epi8(static_cast<char>(size > 0 ? *a : 0));
  const __m128i b_one = _mm_set1_epi8(static_cast<char>(size > 0 ? *b : 0));
  size_t i = 0;
  for (; i + 16 <= size; i += 16) {
    const Pair u = dequantize_bytes(p.a, a_step ? load_bytes(a + i) : a_one);
    const Pair v = dequantize_bytes(p.b, b_step ? load_bytes(b + i) : b_one);
    const Pair r = p.op == Q8Binary::kAdd ? Pair{_mm256_add_ps(u.lo, v.lo), _mm256_add_ps(u.hi, v.hi)}
                                          : Pair{_mm256_mul_ps(u.lo, v.lo), _mm256_mul_ps(u.hi, v.hi)};
    store_steps(p.y, r, y + i);
  }
  for (; i < size; i++) y[i] = q8_binary_scalar(p, a[i * a_step], b[i * b_step]);
}

}  // namespace

constexpr Q8ElementwiseFamily q8_elementwise_avx2 = {"q8_elementwise_avx2", dequantize, quantize, binary};

}  // namespace sealedge
