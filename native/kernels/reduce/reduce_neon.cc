#include "kernels/reduce/reduce_simd.h"
#include "kernels/simd/neon_f32.h"

namespace sealedge {

constexpr F32ReduceFamily f32_reduce_neon = ReduceSimd<NeonF32>::family("f32_reduce_neon");

}  // namespace sealedge
