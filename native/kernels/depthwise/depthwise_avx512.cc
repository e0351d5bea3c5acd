#include "kernels/depthwise/depthwise_simd.h"
#include "kernels/simd/avx512_f32.h"

namespace sealedge {
namespace {

void tile(const F32DepthwiseTile& t) {
  if (t.lanes > 8) {
    f32_depthwise_vector<Avx512F32>(t, 0);
  } else {
    f32_depthwise_vector<Avx512HalfF32>(t, 0);
  }
}

}  // namespace

constexpr F32DepthwiseFamily f32_depthwise_avx512 = {"f32_depthwise_avx512", tile};

}  // namespace sealedge
