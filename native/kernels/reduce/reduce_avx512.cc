#include "kernels/reduce/reduce_simd.h"
#include "kernels/simd/avx512_f32.h"

namespace sealedge {

constexpr F32ReduceFamily f32_reduce_avx512 = ReduceSimd<Avx512F32>::family("f32_reduce_avx512");

}  // namespace sealedge
