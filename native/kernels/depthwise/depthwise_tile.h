// The depthwise micro-kernel family: adjacent pixels of one output row, up to 16 channels, the same window columns for
// all of them (the driver cuts off the borders, where padding makes windows narrower).
#pragma once

#include <cstddef>

#include "kernels/epilogue.h"

namespace sealedge {

struct F32DepthwiseTile {
  const float* const* rows;  // [row_count] kernel rows inside X: where the first pixel's first column is, lane 0
  const float* const* taps;  // [row_count] their weights, [columns][16]
  size_t row_count;
  size_t columns;
  size_t column_step;  // elements of X from column to column of a window (dilation)
  size_t pixel_step;   // elements of X from pixel to pixel (stride)
  size_t pixels;
  float* y;  // lane 0 of the first pixel
  size_t y_stride;
  size_t lanes;                 // 1..16; lanes past it are neither read nor written
  const F32Epilogue* epilogue;  // moved to this tile's lane 0 and first pixel
};

struct F32DepthwiseFamily {
  const char* name;
  void (*tile)(const F32DepthwiseTile&);
};

extern const F32DepthwiseFamily f32_depthwise_scalar;
extern const F32DepthwiseFamily f32_depthwise_avx2;
extern const F32DepthwiseFamily f32_depthwise_avx512;

}  // namespace sealedge
