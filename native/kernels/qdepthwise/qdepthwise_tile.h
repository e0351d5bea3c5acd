// The 8-bit depthwise micro-kernel family: adjacent pixels of one output row, up to 16 channels, all taps. Taps are
// taken in pairs, so that one multiply-add of 16-bit numbers sums two of them in 32 bits.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/requantize.h"

namespace sealedge {

struct Q8DepthwiseTile {
  const uint8_t* const* taps;  // [2 * pairs] where the first pixel's tap is, first channel; 16 bytes are read at each
  const int16_t* weights;      // [pairs][16][2], less their zero point; zero for the tap that an odd count lacks
  size_t pairs;
  size_t pixel_step;  // bytes of X from pixel to pixel
  size_t pixels;
  const int32_t* start;  // [16]
  size_t channels;       // <= 16 that are stored
  uint8_t* y;            // first channel of the first pixel
  size_t y_stride_bytes;
  Q8Epilogue epilogue;  // multiplier: [16]
};

struct Q8DepthwiseFamily {
  const char* name;
  void (*tile[2])(const Q8DepthwiseTile&);  // [X is int8, else uint8]
  // One panel of kInt8Depthwise16 as the tile wants it. `zero` [16]: the weights' zero points, or nullptr. Adds the
  // weights of each lane, less their zero points, to sums[16].
  void (*expand)(const int8_t* panel, size_t taps, const int32_t* zero, int16_t* weights, int32_t* sums);
};

extern const Q8DepthwiseFamily q8_depthwise_scalar;
extern const Q8DepthwiseFamily q8_depthwise_avx2;
extern const Q8DepthwiseFamily q8_depthwise_avx512;
extern const Q8DepthwiseFamily q8_depthwise_vnni;
extern const Q8DepthwiseFamily q8_depthwise_neon;

}  // namespace sealedge
