#include "kernels/depthwise/depthwise_simd.h"
#include "kernels/simd/avx512_f32.h"

namespace sealedge {
namespace {

// Eight channels or fewer at the end go through registers of half the width.
void tile(const F32DepthwiseTile& t) {
  size_t lane = whole_vectors<Avx512F32>(t, 0);
  if (t.channels - lane > 8) return part_vector<Avx512F32>(t, lane);
  lane = whole_vectors<Avx512HalfF32>(t, lane);
  part_vector<Avx512HalfF32>(t, lane);
}

}  // namespace

constexpr F32DepthwiseFamily f32_depthwise_avx512 = {"f32_depthwise_avx512", tile};

}  // namespace sealedge
