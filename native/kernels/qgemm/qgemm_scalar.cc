// The plainest correct tile: one row. Oracle, fallback and documentation of the others.
#include "kernels/qgemm/qgemm_tile.h"
#include "kernels/requantize_scalar.h"

namespace sealedge {
namespace {

template <typename A>
void tile_1x16(const Q8GemmTile& t) {
  uint32_t sum[16];
  for (size_t lane = 0; lane < 16; lane++) sum[lane] = static_cast<uint32_t>(t.start ? t.start[lane] : t.partial[lane]);
  const int8_t* w = t.panel;
  for (size_t r = 0; r < t.runs; r++) {
    const uint8_t* a = t.rows_a[0] + t.run_offsets[r];
    for (size_t q = 0; q < t.run_quads; q++, a += 4) {
      for (size_t lane = 0; lane < 16; lane++, w += 4) {
        int32_t dot = 0;
        for (size_t j = 0; j < 4; j++) dot += static_cast<int32_t>(static_cast<A>(a[j])) * w[j];
        sum[lane] += static_cast<uint32_t>(dot);
      }
    }
  }
  if (!t.last) {
    for (size_t lane = 0; lane < 16; lane++) t.partial[lane] = static_cast<int32_t>(sum[lane]);
    return;
  }
  const size_t size = q8_output_bytes(t.epilogue.output);
  for (size_t lane = t.lane_begin; lane < t.lane_end; lane++) {
    if (t.row_terms) {
      sum[lane] -= static_cast<uint32_t>(t.row_terms[0]) * static_cast<uint32_t>(t.weight_zero[lane]);
    }
    q8_store_scalar(t.epilogue, static_cast<int32_t>(sum[lane]), lane, t.c + lane * size);
  }
}

}  // namespace

constexpr Q8GemmFamily q8_gemm_scalar = {"q8_gemm_scalar", 1, {{tile_1x16<uint8_t>}, {tile_1x16<int8_t>}}, {0, 0}};

}  // namespace sealedge
