// 6 rows x 16 lanes take 12 of 16 registers. FMA takes 4 cycles and two start per cycle, so 8 independent sums keep
// both units busy.
#include "kernels/gemm/gemm_simd.h"
#include "kernels/simd/avx2_f32.h"

namespace sealedge {
namespace {

template <int kRows, int kSets>
constexpr auto wide = f32_gemm_tile<Avx2F32, 2, kRows, kSets>;
template <int kRows, int kSets>
constexpr auto narrow = f32_gemm_tile<Avx2F32, 1, kRows, kSets>;

}  // namespace

constexpr F32GemmFamily f32_gemm_avx2 = {
    "f32_gemm_avx2",
    6,
    {wide<1, 4>, wide<2, 2>, wide<3, 2>, wide<4, 1>, wide<5, 1>, wide<6, 1>},
    12,
    {narrow<1, 8>, narrow<2, 4>, narrow<3, 4>, narrow<4, 2>, narrow<5, 2>, narrow<6, 2>, narrow<7, 1>, narrow<8, 1>,
     narrow<9, 1>, narrow<10, 1>, narrow<11, 1>, narrow<12, 1>},
};

}  // namespace sealedge
