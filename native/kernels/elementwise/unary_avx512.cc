#include "kernels/elementwise/unary_simd.h"
#include "kernels/simd/avx512_f32.h"

namespace sealedge {

constexpr F32UnaryFamily f32_unary_avx512 = UnarySimd<Avx512F32>::family("f32_unary_avx512");

}  // namespace sealedge
