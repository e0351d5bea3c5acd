#include "kernels/pool/pool_simd.h"
#include "kernels/simd/neon_f32.h"

namespace sealedge {

using Simd = PoolSimd<NeonF32>;
constexpr F32PoolFamily f32_pool_neon = {"f32_pool_neon", Simd::window<Simd::Max>, Simd::window<Simd::Average>};

}  // namespace sealedge
