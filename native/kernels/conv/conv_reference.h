// Convolution and its transpose as the standard writes them, row-major (N, C, spatial...), sums in double: oracle of
// the float32 kernels, and what runs for the other types.
#pragma once

#include "kernels/conv/window_range.h"

namespace sealedge {

template <typename T>
struct ConvReference {
  WindowGeometry window;
  size_t in_channels, out_channels, groups;
  const T* x;     // (N, C, in)
  const T* w;     // (O, C / groups, kernel)
  const T* bias;  // (O), may be null
  T* y;           // (N, O, out)

  void run() const {
    T* to = y;
    for (size_t n = 0; n < window.batch; n++) {
      for (size_t o = 0; o < out_channels; o++) {
        for (size_t d = 0; d < window.out[0]; d++) {
          for (size_t h = 0; h < window.out[1]; h++) {
            for (size_t i = 0; i < window.out[2]; i++) *to++ = static_cast<T>(value(n, o, d, h, i));
          }
        }
      }
    }
  }

 private:
  double value(size_t n, size_t o, size_t d, size_t h, size_t i) const {
    const size_t group_in = in_channels / groups, group = o / (out_channels / groups);
    const WindowRange kd = window_range(window, 0, d), kh = window_range(window, 1, h), kw = window_range(window, 2, i);
    double sum = bias ? static_cast<double>(bias[o]) : 0.0;
    for (size_t c = 0; c < group_in; c++) {
      const T* image = x + (n * in_channels + group * group_in + c) * window.in_pixels();
      const T* filter = w + (o * group_in + c) * window.taps();
      for (size_t a = kd.begin; a < kd.end; a++) {
        for (size_t b = kh.begin; b < kh.end; b++) {
          const auto row = static_cast<size_t>(input_position(window, 0, d, a)) * window.in[1] +
                           static_cast<size_t>(input_position(window, 1, h, b));
          for (size_t k = kw.begin; k < kw.end; k++) {
            const size_t at = row * window.in[2] + static_cast<size_t>(input_position(window, 2, i, k));
            sum += static_cast<double>(image[at]) *
                   static_cast<double>(filter[(a * window.kernel[1] + b) * window.kernel[2] + k]);
          }
        }
      }
    }
    return sum;
  }
};

// window is that of the convolution it transposes: window.in the size of Y, window.out that of X.
template <typename T>
struct ConvTransposeReference {
  WindowGeometry window;
  size_t in_channels, out_channels, groups;
  const T* x;     // (N, C, out)
  const T* w;     // (C, O / groups, kernel)
  const T* bias;  // (O), may be null
  T* y;           // (N, O, in)

  void run() const {
    T* to = y;
    for (size_t n = 0; n < window.batch; n++) {
      for (size_t o = 0; o < out_channels; o++) {
        for (size_t d = 0; d < window.in[0]; d++) {
          for (size_t h = 0; h < window.in[1]; h++) {
            for (size_t i = 0; i < window.in[2]; i++) *to++ = static_cast<T>(value(n, o, d, h, i));
          }
        }
      }
    }
  }

 private:
  double value(size_t n, size_t o, size_t d, size_t h, size_t i) const {
    const size_t group_in = in_channels / groups, group_out = out_channels / groups, group = o / group_out;
    double sum = bias ? static_cast<double>(bias[o]) : 0.0;
    for (size_t tap = 0; tap < window.taps(); tap++) {
      size_t id, ih, iw;
      if (!source(0, d, tap / window.kernel[2] / window.kernel[1], &id)) continue;
      if (!source(1, h, tap / window.kernel[2] % window.kernel[1], &ih)) continue;
      if (!source(2, i, tap % window.kernel[2], &iw)) continue;
      for (size_t c = 0; c < group_in; c++) {
        const size_t channel = group * group_in + c;
        const T* image = x + (n * in_channels + channel) * window.out_pixels();
        sum += static_cast<double>(image[(id * window.out[1] + ih) * window.out[2] + iw]) *
               static_cast<double>(w[(channel * group_out + o % group_out) * window.taps() + tap]);
      }
    }
    return sum;
  }

  // Which position of X adds to position `to` of Y through tap k.
  bool source(int dimension, size_t to, size_t k, size_t* from) const {
    const size_t reach = to + window.pad_begin[dimension], shift = k * window.dilation[dimension];
    if (reach < shift || (reach - shift) % window.stride[dimension] != 0) return false;
    *from = (reach - shift) / window.stride[dimension];
    return *from < window.out[dimension];
  }
};

}  // namespace sealedge
