// Reductions on vectors of type V: four vectors of partial results hide the latency of the addition, and keep the
// rounding error of a sum of n values near n / (4 * kLanes) ulp at worst.
#pragma once

#include "kernels/reduce/reduce_family.h"
#include "kernels/simd/math_simd.h"

namespace sealedge {

template <typename V>
struct ReduceSimd {
  using X = typename V::Vector;

  static inline X plain(X x) { return x; }
  static inline X square(X x) { return V::mul(x, x); }

  template <X (*kMap)(X)>
  static float sum_of(const float* x, size_t size) {
    X part[4] = {V::zero(), V::zero(), V::zero(), V::zero()};
    size_t i = 0;
    for (; i + 4 * V::kLanes <= size; i += 4 * V::kLanes) {
      for (size_t p = 0; p < 4; p++) part[p] = V::add(part[p], kMap(V::load(x + i + p * V::kLanes)));
    }
    for (; i + V::kLanes <= size; i += V::kLanes) part[0] = V::add(part[0], kMap(V::load(x + i)));
    if (i < size) part[1] = V::add(part[1], kMap(V::load(V::mask(0, size - i), x + i)));
    return V::sum(V::add(V::add(part[0], part[1]), V::add(part[2], part[3])));
  }

  struct Max {
    static inline float start() { return -__builtin_inff(); }
    static inline X step(X best, X x) { return V::maximum(best, x); }
    static inline float step(float best, float x) { return x > best || x != x ? x : best; }
  };
  struct Min {
    static inline float start() { return __builtin_inff(); }
    static inline X step(X best, X x) { return V::minimum(best, x); }
    static inline float step(float best, float x) { return x < best || x != x ? x : best; }
  };

  template <typename Op>
  static float best_of(const float* x, size_t size) {
    X part[2] = {V::set1(Op::start()), V::set1(Op::start())};
    size_t i = 0;
    for (; i + 2 * V::kLanes <= size; i += 2 * V::kLanes) {
      part[0] = Op::step(part[0], V::load(x + i));
      part[1] = Op::step(part[1], V::load(x + i + V::kLanes));
    }
    float lanes[V::kLanes];
    V::store(lanes, Op::step(part[0], part[1]));
    float best = Op::start();
    if (size >= 2 * V::kLanes) {
      for (size_t lane = 0; lane < V::kLanes; lane++) best = Op::step(best, lanes[lane]);
    }
    for (; i < size; i++) best = Op::step(best, x[i]);
    return best;
  }

  static float sum_exp(const float* x, float shift, float* y, size_t size) {
    const X from = V::set1(shift);
    X total = V::zero();
    size_t i = 0;
    for (; i + V::kLanes <= size; i += V::kLanes) {
      const X e = simd_exp<V>(V::sub(V::load(x + i), from));
      if (y != nullptr) V::store(y + i, e);
      total = V::add(total, e);
    }
    if (i == size) return V::sum(total);
    // Lanes past the end would count e^-shift: they are stored to a buffer and only the others are added.
    const auto rest = V::mask(0, size - i);
    float lanes[V::kLanes];
    V::store(lanes, simd_exp<V>(V::sub(V::load(rest, x + i), from)));
    float sum = V::sum(total);
    for (size_t lane = 0; i < size; i++, lane++) {
      if (y != nullptr) y[i] = lanes[lane];
      sum += lanes[lane];
    }
    return sum;
  }

  static constexpr F32ReduceFamily family(const char* name) {
    return {name, sum_of<plain>, sum_of<V::abs>, sum_of<square>, best_of<Max>, best_of<Min>, sum_exp};
  }
};

}  // namespace sealedge
