#include "kernels/elementwise/binary_simd.h"
#include "kernels/simd/avx2_f32.h"

namespace sealedge {

constexpr F32BinaryFamily f32_binary_avx2 = BinarySimd<Avx2F32>::family("f32_binary_avx2");

}  // namespace sealedge
