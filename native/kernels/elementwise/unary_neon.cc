#include "kernels/elementwise/unary_simd.h"
#include "kernels/simd/neon_f32.h"

namespace sealedge {

constexpr F32UnaryFamily f32_unary_neon = UnarySimd<NeonF32>::family("f32_unary_neon");

}  // namespace sealedge
