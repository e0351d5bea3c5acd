// Reductions and softmax.
#pragma once

#include "agreement.h"
#include "kernels/dispatch.h"
#include "kernels/reduce/reduce.h"
#include "kernels/softmax/softmax.h"

namespace sealedge::differential {

// How far two results may be apart that come from `count` values; `size` is the reduction of their magnitudes.
// Negative: not comparable, as an order may overflow or the logarithm of what is left of a sum amplifies without bound.
inline double reduce_bound(ReduceOp op, size_t count, double want, double size) {
  const double rounding = 4 * kUnit * std::fabs(want) + kLeastFloat;
  switch (op) {
    case ReduceOp::kMax:
    case ReduceOp::kMin:
      return 0;
    case ReduceOp::kProd:
      // One order everywhere, in float or in double: each step rounds once, unless it leaves the range of float on the
      // way.
      return -1;
    case ReduceOp::kSum:
    case ReduceOp::kL1:
    case ReduceOp::kSumSquare:
      return size < kMayOverflow ? sum_bound(count, size) + rounding : -1;
    case ReduceOp::kMean:
      return size * static_cast<double>(count) < kMayOverflow ? sum_bound(count, size) + rounding : -1;
    case ReduceOp::kL2: {
      const double square = size * size, apart = sum_bound(count, square);
      if (!(square < kMayOverflow)) return -1;
      return std::sqrt(square + apart) - std::sqrt(std::fmax(0, square - apart)) + rounding;
    }
    case ReduceOp::kLogSum: {
      const double sum = std::exp(want), apart = sum_bound(count, size);
      if (!(size < kMayOverflow) || !(apart < sum / 4)) return -1;
      return 2 * apart / sum + rounding;
    }
    case ReduceOp::kLogSumExp:
      // A sum of exponentials of which the largest is 1, each within 2 ulp.
      return 2 * sum_bound(count + 4, 1) * static_cast<double>(count) + rounding + 4 * kUnit * size;
  }
  return 0;
}

inline std::string compare_reduce(Decisions& d, const KernelTable& scalar, const KernelTable& subject) {
  F32ReduceParams p = {};
  p.op = static_cast<ReduceOp>(d.below(10));
  p.rank = d.below(5);
  size_t x_size = 1, y_size = 1, count = 1;
  for (size_t i = 0; i < p.rank; i++) {
    p.dims[i] = d.one_in(20) ? 0 : 1 + d.below(i + 1 == p.rank ? 70 : 7);
    p.reduced[i] = d.one_in(2);
    x_size *= p.dims[i];
    (p.reduced[i] ? count : y_size) *= p.dims[i];
  }
  const auto x = d.tensor(x_size);
  const auto run = [&](ReduceOp op, const Buffer<float>& in, const KernelTable& table) {
    Buffer<float> y(y_size);
    F32ReduceParams params = p;
    params.op = op;
    params.x = in.data();
    params.y = y.data();
    f32_reduce(params, {.kernels = &table});
    return y;
  };
  // Of the logarithm of a sum, the sum; of the logarithm of a sum of exponentials, the largest exponent.
  const ReduceOp of_magnitudes = p.op == ReduceOp::kLogSum      ? ReduceOp::kL1
                                 : p.op == ReduceOp::kLogSumExp ? ReduceOp::kMax
                                                                : p.op;
  const auto size = run(of_magnitudes, magnitudes(x), scalar);
  const auto got = run(p.op, x, subject), want = run(p.op, x, scalar);
  return compare(("reduce " + std::to_string(static_cast<int>(p.op))).c_str(), got, want, [&](size_t i) {
    if (p.op == ReduceOp::kLogSum && !std::isfinite(want[i])) return -1.0;
    return reduce_bound(p.op, count, want[i], size[i]);
  });
}

inline std::string compare_softmax(Decisions& d, const KernelTable& scalar, const KernelTable& subject) {
  F32SoftmaxParams p = {};
  p.outer = d.below(5);
  p.inner = d.one_in(2) ? 1 : 1 + d.below(300);
  p.axis = d.below(p.inner == 1 && d.one_in(2) ? 600 : 30);
  p.log = d.one_in(2);
  const auto x = d.tensor(p.outer * p.axis * p.inner);
  const auto run = [&](const KernelTable& table) {
    Buffer<float> y(x.size());
    F32SoftmaxParams params = p;
    params.x = x.data();
    params.y = y.data();
    f32_softmax(params, {.kernels = &table});
    return y;
  };
  const auto got = run(subject), want = run(scalar);
  // The differences to the largest value are the same everywhere; exponentials are within 2 ulp, their sum within
  // gamma.
  const double relative = 2 * (static_cast<double>(p.axis) + 8) * kUnit;
  return compare("softmax", got, want, [&](size_t i) {
    return p.log ? relative + 2 * kUnit * std::fabs(want[i]) : relative * want[i] + 0x1p-146;
  });
}

}  // namespace sealedge::differential
