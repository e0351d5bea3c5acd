#include "kernels/depthwise/depthwise_tile.h"
#include "kernels/epilogue_scalar.h"

namespace sealedge {
namespace {

void tile(const F32DepthwiseTile& t) {
  for (size_t p = 0; p < t.pixels; p++) {
    for (size_t lane = 0; lane < t.channels; lane++) {
      float sum = 0.0f;
      for (size_t r = 0; r < t.row_count; r++) {
        for (size_t k = 0; k < t.columns; k++) {
          if (t.first_absent && p == 0 && k == 0) continue;
          if (t.last_absent && p + 1 == t.pixels && k + 1 == t.columns) continue;
          sum += t.rows[r][p * t.pixel_step + k * t.column_step + lane] *
                 t.taps[r][lane / 16 * t.panel_step + k * 16 + lane % 16];
        }
      }
      t.y[p * t.y_stride + lane] = f32_epilogue_scalar(*t.epilogue, sum, p, lane);
    }
  }
}

}  // namespace

constexpr F32DepthwiseFamily f32_depthwise_scalar = {"f32_depthwise_scalar", tile};

}  // namespace sealedge
