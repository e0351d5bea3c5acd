#include "kernels/reduce/reduce_simd.h"
#include "kernels/simd/avx2_f32.h"

namespace sealedge {

constexpr F32ReduceFamily f32_reduce_avx2 = ReduceSimd<Avx2F32>::family("f32_reduce_avx2");

}  // namespace sealedge
