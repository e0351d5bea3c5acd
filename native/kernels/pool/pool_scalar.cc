#include <limits>

#include "kernels/pool/pool_tile.h"

namespace sealedge {
namespace {

void max(const F32PoolTile& t) {
  for (size_t c = 0; c < t.channels; c++) {
    float best = t.accumulate ? t.y[c] : -std::numeric_limits<float>::infinity();
    for (size_t r = 0; r < t.row_count; r++) {
      for (size_t k = 0; k < t.columns; k++) {
        const float x = t.rows[r][k * t.column_step + c];
        // Once NaN, always NaN: no comparison with it is true.
        if (x > best || x != x) best = x;
      }
    }
    t.y[c] = best;
  }
}

void average(const F32PoolTile& t) {
  for (size_t c = 0; c < t.channels; c++) {
    float sum = t.accumulate ? t.y[c] : 0.0f;
    for (size_t r = 0; r < t.row_count; r++) {
      for (size_t k = 0; k < t.columns; k++) sum += t.rows[r][k * t.column_step + c];
    }
    t.y[c] = sum * t.scale;
  }
}

}  // namespace

constexpr F32PoolFamily f32_pool_scalar = {"f32_pool_scalar", max, average};

}  // namespace sealedge
