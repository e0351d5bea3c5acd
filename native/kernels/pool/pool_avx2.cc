#include "kernels/pool/pool_simd.h"
#include "kernels/simd/avx2_f32.h"

namespace sealedge {

using Simd = PoolSimd<Avx2F32>;
constexpr F32PoolFamily f32_pool_avx2 = {"f32_pool_avx2", Simd::window<Simd::Max>, Simd::window<Simd::Average>};

}  // namespace sealedge
