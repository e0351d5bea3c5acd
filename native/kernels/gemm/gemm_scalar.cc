// The plainest correct tile: one row. Oracle, fallback and documentation of the others.
#include "kernels/epilogue_scalar.h"
#include "kernels/gemm/gemm_tile.h"

namespace sealedge {
namespace {

void tile_1x16(const F32GemmTile& t) {
  float sum[16] = {};
  const float* b = t.panel;
  for (size_t r = 0; r < t.runs; r++) {
    const float* a = t.rows_a[0] + t.run_offsets[r];
    for (size_t j = 0; j < t.run_length; j++, b += 16) {
      for (size_t lane = 0; lane < 16; lane++) sum[lane] += a[j] * b[lane];
    }
  }
  for (size_t lane = t.lane_begin; lane < t.lane_end; lane++) {
    float v = sum[lane];
    if (t.accumulate) v += t.c[lane];
    t.c[lane] = t.epilogue ? f32_epilogue_scalar(*t.epilogue, v, 0, lane) : v;
  }
}

}  // namespace

constexpr F32GemmFamily f32_gemm_scalar = {"f32_gemm_scalar", 1, {tile_1x16}, 1, {tile_1x16}};

}  // namespace sealedge
