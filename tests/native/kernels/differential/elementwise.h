// Unary and binary operators.
#pragma once

#include "agreement.h"
#include "kernels/dispatch.h"
#include "kernels/elementwise/binary.h"
#include "kernels/elementwise/unary.h"
#include "unary_bounds.h"

namespace sealedge::differential {

inline std::string compare_unary(Decisions& d, const KernelTable& scalar, const KernelTable& subject) {
  const auto op = static_cast<UnaryOp>(d.below(static_cast<size_t>(UnaryOp::kCount)));
  const UnaryParams params = {d.between(-3, 3), d.between(-3, 3)};
  const auto x = d.tensor(d.below(300));
  Buffer<float> got(x.size()), want(x.size());
  f32_unary(op, params, x.data(), got.data(), x.size(), {.kernels = &subject});
  f32_unary(op, params, x.data(), want.data(), x.size(), {.kernels = &scalar});
  const UnaryBound bound = unary_bound(op, params);
  const std::string what = "unary " + std::to_string(static_cast<int>(op));
  for (size_t i = 0; i < x.size(); i++) {
    const bool close = std::fabs(static_cast<double>(got[i]) - want[i]) <= bound.absolute;
    if (!close && ulps_apart(got[i], want[i]) > bound.ulps) {
      return disagreement(what.c_str(), i, got[i], want[i], bound.absolute) + ", x " + std::to_string(x[i]);
    }
  }
  return {};
}

inline std::string compare_binary(Decisions& d, const KernelTable& scalar, const KernelTable& subject) {
  const auto op = static_cast<BinaryOp>(d.below(static_cast<size_t>(BinaryOp::kCount)));
  int64_t a_dims[4], b_dims[4];
  const size_t rank = d.below(5);
  size_t a_size = 1, b_size = 1, y_size = 1;
  for (size_t i = 0; i < rank; i++) {
    const size_t size = 1 + d.below(i + 1 == rank ? 60 : 6);
    const size_t repeated = d.below(4);
    a_dims[i] = static_cast<int64_t>(repeated == 1 ? 1 : size);
    b_dims[i] = static_cast<int64_t>(repeated == 2 ? 1 : size);
    a_size *= static_cast<size_t>(a_dims[i]);
    b_size *= static_cast<size_t>(b_dims[i]);
    y_size *= size;
  }
  BroadcastPlan plan;
  if (!make_broadcast_plan(a_dims, rank, b_dims, rank, &plan)) return "these shapes broadcast, but there is no plan";
  const auto a = d.tensor(a_size), b = d.tensor(b_size);
  Buffer<float> got(y_size), want(y_size);
  f32_binary(op, plan, a.data(), b.data(), got.data(), {.kernels = &subject});
  f32_binary(op, plan, a.data(), b.data(), want.data(), {.kernels = &scalar});
  // Powers by one exponent are products, roots and quotients: two units in the last place. All else is exact.
  const auto bound = [&](size_t i) { return op == BinaryOp::kPow ? std::fabs(double{want[i]}) * 2.4e-7 + 3e-45 : 0.0; };
  return compare(("binary " + std::to_string(static_cast<int>(op))).c_str(), got, want, bound);
}

}  // namespace sealedge::differential
