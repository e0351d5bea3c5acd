// 14 rows x 16 lanes, one register per row, A broadcast inside the multiply-add's memory operand. One 512-bit FMA unit
// (or two) with 4 cycles of latency wants 4 (8) independent sums.
#include "kernels/gemm/gemm_simd.h"
#include "kernels/simd/avx512_f32.h"

namespace sealedge {
namespace {

template <int kRows, int kSets>
constexpr auto wide = f32_gemm_tile<Avx512F32, 1, kRows, kSets>;
template <int kRows, int kSets>
constexpr auto narrow = f32_gemm_tile<Avx512HalfF32, 1, kRows, kSets>;

}  // namespace

constexpr F32GemmFamily f32_gemm_avx512 = {
    "f32_gemm_avx512",
    14,
    {wide<1, 8>, wide<2, 4>, wide<3, 4>, wide<4, 2>, wide<5, 2>, wide<6, 2>, wide<7, 2>, wide<8, 1>, wide<9, 1>,
     wide<10, 1>, wide<11, 1>, wide<12, 1>, wide<13, 1>, wide<14, 1>},
    14,
    {narrow<1, 8>, narrow<2, 4>, narrow<3, 4>, narrow<4, 2>, narrow<5, 2>, narrow<6, 2>, narrow<7, 2>, narrow<8, 1>,
     narrow<9, 1>, narrow<10, 1>, narrow<11, 1>, narrow<12, 1>, narrow<13, 1>, narrow<14, 1>},
};

}  // namespace sealedge
