// Unary operators on vectors of type V. Bounds are those of simd/math_simd.h; the rest is exact up to the rounding of
// each step. Elu and Selu subtract 1 from e^x: absolute error 1.2e-7 times alpha, as near 0 the difference cancels.
#pragma once

#include "kernels/elementwise/unary_family.h"
#include "kernels/simd/math_simd.h"

namespace sealedge {

template <typename V>
struct UnarySimd {
  using X = typename V::Vector;
  using P = UnaryParams;

  static inline X clip(P p, X x) { return V::min(V::set1(p.beta), V::max(V::set1(p.alpha), x)); }
  static inline X leaky_relu(P p, X x) { return V::select(V::less(x, V::zero()), V::mul(V::set1(p.alpha), x), x); }
  static inline X elu(P p, X x) {
    const X below = V::mul(V::set1(p.alpha), V::sub(simd_exp<V>(x), V::set1(1.0f)));
    return V::select(V::less(x, V::zero()), below, x);
  }
  static inline X selu(P p, X x) { return V::mul(V::set1(p.beta), elu(p, x)); }
  static inline X sigmoid(P, X x) { return simd_sigmoid<V>(x); }
  static inline X hard_sigmoid(P p, X x) {
    return clip({0.0f, 1.0f}, V::add(V::mul(V::set1(p.alpha), x), V::set1(p.beta)));
  }
  static inline X hard_swish(P, X x) {
    return V::mul(x, clip({0.0f, 1.0f}, V::add(V::mul(x, V::set1(1.0f / 6.0f)), V::set1(0.5f))));
  }
  static inline X silu(P, X x) { return V::div(x, V::add(V::set1(1.0f), simd_exp<V>(V::sub(V::zero(), x)))); }
  static inline X gelu(P, X x) {
    const X half = V::mul(V::set1(0.5f), x);
    return V::mul(half, V::add(V::set1(1.0f), simd_erf<V>(V::mul(x, V::set1(0.70710678f)))));
  }
  static inline X softplus(P, X x) { return simd_softplus<V>(x); }
  static inline X mish(P, X x) { return simd_mish<V>(x); }
  static inline X sine(P, X x) { return simd_sine<V>(x, 0.0f); }
  static inline X cosine(P, X x) { return simd_sine<V>(x, 1.0f); }
  static inline X sign(P, X x) {
    return V::select(V::less(x, V::zero()), V::set1(-1.0f), V::select(V::less(V::zero(), x), V::set1(1.0f), x));
  }
  static inline X softsign(P, X x) { return V::div(x, V::add(V::set1(1.0f), V::abs(x))); }
  static inline X tanh(P, X x) { return simd_tanh<V>(x); }
  static inline X erf(P, X x) { return simd_erf<V>(x); }
  static inline X exp(P, X x) { return simd_exp<V>(x); }
  static inline X log(P, X x) { return simd_log<V>(x); }
  static inline X sqrt(P, X x) { return V::sqrt(x); }
  static inline X reciprocal(P, X x) { return V::div(V::set1(1.0f), x); }
  static inline X abs(P, X x) { return V::abs(x); }
  static inline X neg(P, X x) { return V::flip_sign(x, V::set1(-0.0f)); }
  static inline X floor(P, X x) { return V::floor(x); }
  static inline X ceil(P, X x) { return V::ceil(x); }
  static inline X round(P, X x) { return V::round(x); }

  static inline X thresholded_relu(P p, X x) {
    return V::select(V::is_nan(x), x, V::select(V::less(V::set1(p.alpha), x), x, V::zero()));
  }
  static inline X gelu_tanh(P, X x) {
    const X cube = V::mul(V::mul(V::set1(0.044715f), x), V::mul(x, x));
    const X inner = V::mul(V::set1(0.79788456f), V::add(x, cube));
    return V::mul(V::mul(V::set1(0.5f), x), V::add(V::set1(1.0f), simd_tanh<V>(inner)));
  }

  template <X (*kFunction)(P, X)>
  static void each(P params, const float* x, float* y, size_t size) {
    size_t i = 0;
    for (; i + V::kLanes <= size; i += V::kLanes) V::store(y + i, kFunction(params, V::load(x + i)));
    if (i < size) {
      const auto rest = V::mask(0, size - i);
      V::store(rest, y + i, kFunction(params, V::load(rest, x + i)));
    }
  }

  // Sine and cosine. Angles that the vector form does not cover are done again by libm, one by one, so that no
  // element's result depends on its neighbours and on how a loop was cut for threads.
  template <X (*kFunction)(P, X), UnaryOp kOp>
  static void each_angle(P params, const float* x, float* y, size_t size) {
    constexpr size_t kRun = 8 * V::kLanes;
    for (size_t begin = 0; begin < size; begin += kRun) {
      const size_t count = size - begin < kRun ? size - begin : kRun;
      float given[kRun];  // y may be x
      bool covered = true;
      for (size_t i = 0; i < count; i++) {
        given[i] = x[begin + i];
        covered &= __builtin_fabsf(given[i]) <= kSineLimit;
      }
      each<kFunction>(params, given, y + begin, count);
      if (covered) continue;
      for (size_t i = 0; i < count; i++) {
        if (__builtin_fabsf(given[i]) <= kSineLimit) continue;
        f32_unary_scalar.op[static_cast<size_t>(kOp)](params, given + i, y + begin + i, 1);
      }
    }
  }

  // In the order of UnaryOp.
  static constexpr F32UnaryFamily family(const char* name) {
    return {name,
            {each<clip>,
             each<leaky_relu>,
             each<elu>,
             each<selu>,
             each<sigmoid>,
             each<hard_sigmoid>,
             each<hard_swish>,
             each<silu>,
             each<gelu>,
             each<softplus>,
             each<softsign>,
             each<mish>,
             each<tanh>,
             each<erf>,
             each<exp>,
             each<log>,
             each<sqrt>,
             each<reciprocal>,
             each<abs>,
             each<neg>,
             each<floor>,
             each<ceil>,
             each<round>,
             each<sign>,
             each_angle<sine, UnaryOp::kSin>,
             each_angle<cosine, UnaryOp::kCos>,
             /*tan*/ nullptr,
             /*atan*/ nullptr,
             each<thresholded_relu>,
             each<gelu_tanh>}};
  }
};

}  // namespace sealedge
