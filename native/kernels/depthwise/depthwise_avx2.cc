#include "kernels/depthwise/depthwise_simd.h"
#include "kernels/simd/avx2_f32.h"

namespace sealedge {
namespace {

void tile(const F32DepthwiseTile& t) { part_vector<Avx2F32>(t, whole_vectors<Avx2F32>(t, 0)); }

}  // namespace

constexpr F32DepthwiseFamily f32_depthwise_avx2 = {"f32_depthwise_avx2", tile};

}  // namespace sealedge
