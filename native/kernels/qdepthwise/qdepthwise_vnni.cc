#include "kernels/qdepthwise/qdepthwise_avx512.h"

namespace sealedge {
namespace {

// vpdpwssd: the form without saturation.
inline __m512i multiply_add(__m512i sums, __m512i x, __m512i weights) { return _mm512_dpwssd_epi32(sums, x, weights); }

}  // namespace

constexpr Q8DepthwiseFamily q8_depthwise_vnni = {
    "q8_depthwise_vnni",
    {q8_depthwise_tile<false, multiply_add>, q8_depthwise_tile<true, multiply_add>},
    q8_depthwise_expand_avx512};

}  // namespace sealedge
