// The pooling micro-kernel family: one window, all channels.
#pragma once

#include <cstddef>

namespace sealedge {

struct F32PoolTile {
  const float* const* rows;  // [row_count] window rows inside X: first column inside X, channel 0
  size_t row_count;
  size_t columns;
  size_t column_step;  // elements of X from column to column
  size_t channels;
  bool accumulate;  // start from what y holds: a window of many rows is given in several tiles
  float scale;      // average only: 1 / divisor, 1 if another tile follows
  float* y;
};

struct F32PoolFamily {
  const char* name;
  void (*max)(const F32PoolTile&);
  void (*average)(const F32PoolTile&);
};

extern const F32PoolFamily f32_pool_scalar;
extern const F32PoolFamily f32_pool_avx2;
extern const F32PoolFamily f32_pool_avx512;
extern const F32PoolFamily f32_pool_neon;

}  // namespace sealedge
