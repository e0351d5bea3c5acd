// The bytes of two taps are interleaved and extended to 16 bits; pmaddwd then adds both products in int32, exactly.
#include "kernels/qdepthwise/qdepthwise_tile.h"
#include "kernels/simd/avx2_q8.h"

namespace sealedge {
namespace {

template <bool kSigned>
inline __m256i widen(__m128i bytes) {
  return kSigned ? _mm256_cvtepi8_epi16(bytes) : _mm256_cvtepu8_epi16(bytes);
}

// kPixels adjacent pixels share each load of weights.
template <bool kSigned, int kPixels>
inline void pixels(const Q8DepthwiseTile& t, size_t p) {
  const auto* start = reinterpret_cast<const __m256i*>(t.start);
  Avx2Sums acc[kPixels];
  for (auto& sums : acc) sums = {_mm256_loadu_si256(start), _mm256_loadu_si256(start + 1)};
  for (size_t pair = 0; pair < t.pairs; pair++) {
    const auto* w = reinterpret_cast<const __m256i*>(t.weights + 32 * pair);
    const __m256i low = _mm256_loadu_si256(w), high = _mm256_loadu_si256(w + 1);
    const uint8_t *x0 = t.taps[2 * pair] + p * t.pixel_step, *x1 = t.taps[2 * pair + 1] + p * t.pixel_step;
    for (int i = 0; i < kPixels; i++, x0 += t.pixel_step, x1 += t.pixel_step) {
      const __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x0));
      const __m128i b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x1));
      const __m256i first = widen<kSigned>(_mm_unpacklo_epi8(a, b)), second = widen<kSigned>(_mm_unpackhi_epi8(a, b));
      acc[i].lo = _mm256_add_epi32(acc[i].lo, _mm256_madd_epi16(first, low));
      acc[i].hi = _mm256_add_epi32(acc[i].hi, _mm256_madd_epi16(second, high));
    }
  }
  for (int i = 0; i < kPixels; i++) {
    q8_store_avx2(t.epilogue, acc[i], 0, t.channels, t.y + (p + static_cast<size_t>(i)) * t.y_stride_bytes);
  }
}

template <bool kSigned>
void tile(const Q8DepthwiseTile& t) {
  size_t p = 0;
  for (; p + 4 <= t.pixels; p += 4) pixels<kSigned, 4>(t, p);
  for (; p < t.pixels; p++) pixels<kSigned, 1>(t, p);
}

void expand(const int8_t* panel, size_t taps, const int32_t* zero, int16_t* weights, int32_t* sums) {
  alignas(32) int16_t both[32] = {}, one[32] = {};  // zero points of both taps of a pair, or of the first alone
  for (size_t lane = 0; zero && lane < 16; lane++) {
    both[2 * lane] = both[2 * lane + 1] = one[2 * lane] = static_cast<int16_t>(zero[lane]);
  }
  const __m256i ones = _mm256_set1_epi16(1);
  auto* total = reinterpret_cast<__m256i*>(sums);
  __m256i low_total = _mm256_loadu_si256(total), high_total = _mm256_loadu_si256(total + 1);
  for (size_t tap = 0; tap < taps; tap += 2, weights += 32) {
    const bool last = tap + 1 == taps;
    const __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(panel + 16 * tap));
    const __m128i b =
        last ? _mm_setzero_si128() : _mm_loadu_si128(reinterpret_cast<const __m128i*>(panel + 16 * tap + 16));
    const auto* less = reinterpret_cast<const __m256i*>(last ? one : both);
    const __m256i low = _mm256_sub_epi16(_mm256_cvtepi8_epi16(_mm_unpacklo_epi8(a, b)), _mm256_load_si256(less));
    const __m256i high = _mm256_sub_epi16(_mm256_cvtepi8_epi16(_mm_unpackhi_epi8(a, b)), _mm256_load_si256(less + 1));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(weights), low);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(weights + 16), high);
    low_total = _mm256_add_epi32(low_total, _mm256_madd_epi16(low, ones));
    high_total = _mm256_add_epi32(high_total, _mm256_madd_epi16(high, ones));
  }
  _mm256_storeu_si256(total, low_total);
  _mm256_storeu_si256(total + 1, high_total);
}

}  // namespace

constexpr Q8DepthwiseFamily q8_depthwise_avx2 = {"q8_depthwise_avx2", {tile<false>, tile<true>}, expand};

}  // namespace sealedge
