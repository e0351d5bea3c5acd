#include "kernels/pool/pool_simd.h"
#include "kernels/simd/avx512_f32.h"

namespace sealedge {

using Simd = PoolSimd<Avx512F32>;
constexpr F32PoolFamily f32_pool_avx512 = {"f32_pool_avx512", Simd::window<Simd::Max>, Simd::window<Simd::Average>};

}  // namespace sealedge
