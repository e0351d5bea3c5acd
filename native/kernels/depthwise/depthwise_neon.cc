#include "kernels/depthwise/depthwise_simd.h"
#include "kernels/simd/neon_f32.h"

namespace sealedge {
namespace {

void tile(const F32DepthwiseTile& t) { part_vector<NeonF32>(t, whole_vectors<NeonF32>(t, 0)); }

}  // namespace

constexpr F32DepthwiseFamily f32_depthwise_neon = {"f32_depthwise_neon", tile};

}  // namespace sealedge
