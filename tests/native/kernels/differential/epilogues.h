// A random epilogue, and what it does to a bound.
#pragma once

#include "agreement.h"
#include "kernels/epilogue.h"

namespace sealedge::differential {

class Epilogue {
 public:
  // For `rows` rows of `lanes` results.
  Epilogue(Decisions& d, size_t rows, size_t lanes)
      : scale_(d.tensor(d.one_in(2) ? lanes : 0, Values::kSmall)),
        shift_(d.tensor(d.one_in(2) ? lanes : 0)),
        residual_(d.tensor(d.one_in(2) ? rows * lanes : 0)),
        lanes_(lanes) {
    if (scale_.size() > 0) params.scale = scale_.data();
    if (shift_.size() > 0) params.shift = shift_.data();
    if (residual_.size() > 0) params.residual = residual_.data();
    params.residual_stride = lanes;
    params.activation = static_cast<F32Activation>(d.below(3));
    if (!d.one_in(4)) params.lo = d.between(-1, 0);
    if (!d.one_in(2)) params.hi = d.between(0, 1);
    params.slope = d.between(-1, 2);
  }

  // How far two results at (row, lane) may be apart whose sums have `terms` products of magnitude `sum` in all;
  // negative if an order may overflow.
  double bound(size_t row, size_t lane, size_t terms, double sum) const {
    const double scale = params.scale ? std::fabs(params.scale[lane]) : 1;
    double size = sum * scale;
    if (params.shift) size += finite(params.shift[lane]);
    if (params.residual) size += finite(params.residual[row * lanes_ + lane]);
    if (!(std::fmax(sum, size) < kMayOverflow)) return -1;
    // The three steps after the sum round once each; the clamp and the slope stretch differences by at most `slope`.
    const double apart = scale * sum_bound(terms, sum) + 6 * kUnit * size + 4 * kLeastFloat;
    return apart * std::fmax(1, std::fabs(params.slope));
  }

  F32Epilogue params;

 private:
  static double finite(float v) { return std::isfinite(v) ? std::fabs(v) : 0; }
  Buffer<float> scale_, shift_, residual_;
  size_t lanes_;
};

}  // namespace sealedge::differential
