#include "kernels/qdepthwise/qdepthwise_avx512.h"

namespace sealedge {
namespace {

inline __m512i multiply_add(__m512i sums, __m512i x, __m512i weights) {
  return _mm512_add_epi32(sums, _mm512_madd_epi16(x, weights));
}

}  // namespace

constexpr Q8DepthwiseFamily q8_depthwise_avx512 = {
    "q8_depthwise_avx512",
    {q8_depthwise_tile<false, multiply_add>, q8_depthwise_tile<true, multiply_add>},
    q8_depthwise_expand_avx512};

}  // namespace sealedge
