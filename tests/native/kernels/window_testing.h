// Sliding windows for the tests of convolutions and pools, and where each of their taps falls.
#pragma once

#include "kernel_testing.h"
#include "kernels/conv/window_geometry.h"

namespace sealedge::testing {

inline void set_floor_output(WindowGeometry* w) {
  for (int d = 0; d < 3; d++) {
    w->out[d] =
        (w->in[d] + w->pad_begin[d] + w->pad_end[d] - (w->kernel[d] - 1) * w->dilation[d] - 1) / w->stride[d] + 1;
  }
}

// Calls visit(tap, input pixel) for the taps of an output pixel that lie in the input.
template <typename Visit>
void for_each_tap(const WindowGeometry& w, size_t out_pixel, Visit visit) {
  const size_t o[3] = {out_pixel / w.out[2] / w.out[1], out_pixel / w.out[2] % w.out[1], out_pixel % w.out[2]};
  for (size_t tap = 0; tap < w.taps(); tap++) {
    const size_t k[3] = {tap / w.kernel[2] / w.kernel[1], tap / w.kernel[2] % w.kernel[1], tap % w.kernel[2]};
    size_t pixel = 0;
    bool inside = true;
    for (int d = 0; d < 3; d++) {
      const auto at =
          static_cast<ptrdiff_t>(o[d] * w.stride[d] + k[d] * w.dilation[d]) - static_cast<ptrdiff_t>(w.pad_begin[d]);
      inside = inside && at >= 0 && at < static_cast<ptrdiff_t>(w.in[d]);
      pixel = pixel * w.in[d] + static_cast<size_t>(at);
    }
    if (inside) visit(tap, pixel);
  }
}

inline WindowGeometry random_window(Random* random) {
  WindowGeometry w;
  w.batch = 1 + random->below(2);
  for (int d = 0; d < 3; d++) {
    const bool used = d > 0 || random->below(4) == 0;
    w.kernel[d] = used ? 1 + random->below(5) : 1;
    w.stride[d] = used ? 1 + random->below(3) : 1;
    w.dilation[d] = used ? 1 + random->below(3) : 1;
    w.pad_begin[d] = used ? random->below(4) : 0;
    w.pad_end[d] = used ? random->below(4) : 0;
    w.in[d] = used ? (w.kernel[d] - 1) * w.dilation[d] + 1 + random->below(12) : 1;
  }
  set_floor_output(&w);
  return w;
}

}  // namespace sealedge::testing
