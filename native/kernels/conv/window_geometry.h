// How a window slides, for convolutions and pools of 1 to 3 spatial dimensions. Always three, the leading ones of size
// 1: a 1-D signal is depth 1, height 1.
#pragma once

#include <cstddef>

namespace sealedge {

struct WindowGeometry {
  size_t batch = 1;
  size_t in[3] = {1, 1, 1};  // depth, height, width
  size_t out[3] = {1, 1, 1};
  size_t kernel[3] = {1, 1, 1};
  size_t stride[3] = {1, 1, 1};
  size_t dilation[3] = {1, 1, 1};
  size_t pad_begin[3] = {0, 0, 0};
  size_t pad_end[3] = {0, 0, 0};

  constexpr size_t in_pixels() const { return in[0] * in[1] * in[2]; }
  constexpr size_t out_pixels() const { return out[0] * out[1] * out[2]; }
  constexpr size_t taps() const { return kernel[0] * kernel[1] * kernel[2]; }
};

}  // namespace sealedge
