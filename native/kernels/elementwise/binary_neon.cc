#include "kernels/elementwise/binary_simd.h"
#include "kernels/simd/neon_f32.h"

namespace sealedge {

constexpr F32BinaryFamily f32_binary_neon = BinarySimd<NeonF32>::family("f32_binary_neon");

}  // namespace sealedge
