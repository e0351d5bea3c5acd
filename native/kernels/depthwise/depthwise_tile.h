// The depthwise micro-kernel family: adjacent pixels of one output row, the channels of one or more panels, the same
// window columns for all of them (the driver cuts off the borders, where padding makes windows narrower, but for the
// case of `first_absent`).
#pragma once

#include <cstddef>

#include "kernels/epilogue.h"

namespace sealedge {

struct F32DepthwiseTile {
  const float* const* rows;  // [row_count] kernel rows inside X: where the first pixel's first column is, first channel
  const float* const* taps;  // [row_count] their weights in the first panel, [columns][16]
  size_t row_count;
  size_t panel_step;  // elements from a panel's weights to the next one's
  size_t columns;
  size_t column_step;  // elements of X from column to column of a window (dilation)
  size_t pixel_step;   // elements of X from pixel to pixel (stride)
  size_t pixels;
  // The first column of the first window, the last column of the last window lie in the padding: not read, and rows may
  // point before X. Only for 3 columns with pixel_step of 1 or 2 column_steps, so that a whole padded row is one tile.
  bool first_absent;
  bool last_absent;
  size_t channels;  // beyond the last one nothing is read or written but the weights, whose tail lanes exist
  float* y;         // first channel of the first pixel
  size_t y_stride;
  const F32Epilogue* epilogue;  // moved to this tile's first channel and pixel
};

struct F32DepthwiseFamily {
  const char* name;
  void (*tile)(const F32DepthwiseTile&);
};

extern const F32DepthwiseFamily f32_depthwise_scalar;
extern const F32DepthwiseFamily f32_depthwise_avx2;
extern const F32DepthwiseFamily f32_depthwise_avx512;
extern const F32DepthwiseFamily f32_depthwise_neon;

}  // namespace sealedge
