// What an average divides by when padding counts.
#pragma once

#include "kernels/conv/window_geometry.h"

namespace sealedge {

// Positions of the window at o that count for the average with count_include_pad: the input and its padding.
inline size_t padded_positions(const WindowGeometry& w, int d, size_t o) {
  const size_t end = w.pad_begin[d] + w.in[d] + w.pad_end[d];
  const size_t first = o * w.stride[d];
  if (first >= end) return 0;
  const size_t fitting = (end - first + w.dilation[d] - 1) / w.dilation[d];
  return fitting < w.kernel[d] ? fitting : w.kernel[d];
}

}  // namespace sealedge
