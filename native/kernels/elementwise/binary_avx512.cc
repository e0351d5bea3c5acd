#include "kernels/elementwise/binary_simd.h"
#include "kernels/simd/avx512_f32.h"

namespace sealedge {

constexpr F32BinaryFamily f32_binary_avx512 = BinarySimd<Avx512F32>::family("f32_binary_avx512");

}  // namespace sealedge
