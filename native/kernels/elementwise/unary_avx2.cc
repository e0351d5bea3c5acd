#include "kernels/elementwise/unary_simd.h"
#include "kernels/simd/avx2_f32.h"

namespace sealedge {

constexpr F32UnaryFamily f32_unary_avx2 = UnarySimd<Avx2F32>::family("f32_unary_avx2");

}  // namespace sealedge
