// 6 rows x 16 lanes take 24 of 32 registers, four more hold a row of B. Multiply-adds take 4 cycles and the larger
// cores start two per cycle, so 8 independent sums keep them busy.
#include "kernels/gemm/gemm_simd.h"
#include "kernels/simd/neon_f32.h"

namespace sealedge {
namespace {

template <int kRows, int kSets>
constexpr auto wide = f32_gemm_tile<NeonF32, 4, kRows, kSets>;
template <int kRows, int kSets>
constexpr auto narrow = f32_gemm_tile<NeonF32, 2, kRows, kSets>;

}  // namespace

constexpr F32GemmFamily f32_gemm_neon = {
    "f32_gemm_neon",
    6,
    {wide<1, 2>, wide<2, 1>, wide<3, 1>, wide<4, 1>, wide<5, 1>, wide<6, 1>},
    12,
    {narrow<1, 4>, narrow<2, 2>, narrow<3, 2>, narrow<4, 1>, narrow<5, 1>, narrow<6, 1>, narrow<7, 1>, narrow<8, 1>,
     narrow<9, 1>, narrow<10, 1>, narrow<11, 1>, narrow<12, 1>},
};

}  // namespace sealedge
