// Which part of a window lies inside the input, along one dimension.
#pragma once

#include <cstddef>

#include "kernels/conv/window_geometry.h"

namespace sealedge {

struct WindowRange {
  size_t begin, end;
};

// Where kernel position k of output position o falls; outside [0, in) it is padding.
inline ptrdiff_t input_position(const WindowGeometry& w, int dimension, size_t o, size_t k) {
  return static_cast<ptrdiff_t>(o * w.stride[dimension] + k * w.dilation[dimension]) -
         static_cast<ptrdiff_t>(w.pad_begin[dimension]);
}

// Kernel positions of output position o that lie in the input; begin == end if none does.
inline WindowRange window_range(const WindowGeometry& w, int dimension, size_t o) {
  const auto start = input_position(w, dimension, o, 0);
  const auto step = static_cast<ptrdiff_t>(w.dilation[dimension]);
  const auto size = static_cast<ptrdiff_t>(w.in[dimension]);
  const auto kernel = static_cast<ptrdiff_t>(w.kernel[dimension]);
  ptrdiff_t begin = start >= 0 ? 0 : (-start + step - 1) / step;
  ptrdiff_t end = start >= size ? 0 : (size - start + step - 1) / step;
  if (begin > kernel) begin = kernel;
  if (end > kernel) end = kernel;
  if (end < begin) end = begin;
  return {static_cast<size_t>(begin), static_cast<size_t>(end)};
}

// Output positions whose whole window lies in the input.
inline WindowRange full_windows(const WindowGeometry& w, int dimension) {
  const size_t stride = w.stride[dimension], pad = w.pad_begin[dimension];
  const size_t span = (w.kernel[dimension] - 1) * w.dilation[dimension];
  const size_t begin = (pad + stride - 1) / stride;
  size_t end = 0;
  if (w.in[dimension] + pad > span) end = (w.in[dimension] + pad - span - 1) / stride + 1;
  if (end > w.out[dimension]) end = w.out[dimension];
  return {begin < end ? begin : end, end};
}

}  // namespace sealedge
