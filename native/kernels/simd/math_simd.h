// exp, log, tanh, erf, the logistic function and their kin on vectors. The polynomials were fitted by Remez exchange on
// the ranges stated; bounds are in units in the last place (ulp) against libm and hold on AVX2, AVX-512 and NEON
// (tested).
#pragma once

#include <cstddef>

namespace sealedge {

template <typename V, size_t kSize>
inline __attribute__((always_inline)) typename V::Vector polynomial(const float (&coefficients)[kSize],
                                                                    typename V::Vector x) {
  auto sum = V::set1(coefficients[kSize - 1]);
  for (size_t i = kSize - 1; i > 0; i--) sum = V::fma(sum, x, V::set1(coefficients[i - 1]));
  return sum;
}

// e^x, 2 ulp. x = n ln 2 + r with |r| <= ln 2 / 2; ln 2 in two parts, so that n times the first is exact. Clamped where
// float is 0 or infinity anyway. -infinity: 0. infinity: infinity. NaN: NaN.
template <typename V>
inline __attribute__((always_inline)) typename V::Vector simd_exp(typename V::Vector x) {
  static constexpr float kCoefficients[] = {0.49999993050733976f, 0.1666651479149455f, 0.04166845678425503f,
                                            0.008369418827169354f, 0.0013813144701275493f};
  x = V::min(V::set1(89.0f), V::max(V::set1(-104.0f), x));
  const auto n = V::round(V::mul(x, V::set1(1.44269504f)));
  auto r = V::fnma(n, V::set1(0.693359375f), x);
  r = V::fnma(n, V::set1(-2.12194440e-4f), r);
  const auto tail = V::mul(V::mul(r, r), polynomial<V>(kCoefficients, r));
  return V::scale_by_power_of_two(V::add(V::set1(1.0f), V::add(r, tail)), n);
}

// log x, 2 ulp. x = m * 2^e, m in [0.75, 1.5), log m = f - f^2 / 2 + f^3 p(f) with f = m - 1. Negative: NaN. 0:
// -infinity. infinity: infinity. Denormals are scaled up first.
template <typename V>
inline __attribute__((always_inline)) typename V::Vector simd_log(typename V::Vector x) {
  static constexpr float kCoefficients[] = {0.33333449112006097f,  -0.2500009584057126f, 0.19990861262750134f,
                                            -0.16647312250040788f, 0.14478394597236385f, -0.13161192505023234f,
                                            0.10463022412467654f,  -0.04507481589607555f};
  const float infinity = __builtin_inff();
  const auto tiny = V::less(x, V::set1(1.17549435e-38f));
  const auto scaled = V::select(tiny, V::mul(x, V::set1(33554432.0f)), x);
  typename V::Vector e;
  const auto f = V::sub(V::mantissa(scaled, &e), V::set1(1.0f));
  e = V::select(tiny, V::sub(e, V::set1(25.0f)), e);
  const auto f2 = V::mul(f, f);
  auto tail = V::mul(V::mul(f2, f), polynomial<V>(kCoefficients, f));
  tail = V::fma(e, V::set1(-2.12194440e-4f), tail);
  tail = V::fnma(f2, V::set1(0.5f), tail);
  auto y = V::fma(e, V::set1(0.693359375f), V::add(f, tail));
  y = V::select(V::less(V::zero(), x), y,
                V::select(V::less(x, V::zero()), V::set1(__builtin_nanf("")), V::set1(-infinity)));
  y = V::select(V::less(x, V::set1(infinity)), y, x);  // infinity and NaN are their own logarithm
  return V::select(V::is_nan(x), x, y);
}

// tanh x, 3 ulp. |x| < 0.625: x + x^3 p(x^2), as the other form cancels there: 1 - 2 / (e^(2|x|) + 1).
template <typename V>
inline __attribute__((always_inline)) typename V::Vector simd_tanh(typename V::Vector x) {
  static constexpr float kCoefficients[] = {-0.33333283926445595f, 0.13331491311072272f, -0.053743499739525497f,
                                            0.02065059195828905f, -0.005717049668074446f};
  const auto magnitude = V::abs(x);
  const auto x2 = V::mul(x, x);
  const auto small = V::fma(V::mul(x2, x), polynomial<V>(kCoefficients, x2), x);
  const auto power = simd_exp<V>(V::add(magnitude, magnitude));
  const auto large = V::sub(V::set1(1.0f), V::div(V::set1(2.0f), V::add(power, V::set1(1.0f))));
  return V::select(V::less(magnitude, V::set1(0.625f)), small, V::flip_sign(large, V::sign_bit(x)));
}

// erf x, 3 ulp. |x| < 1: x p(x^2). Otherwise 1 - e^(-q(|x|)), q fitted to -log erfc on [1, 4]; beyond 4 erf is 1 in
// float.
template <typename V>
inline __attribute__((always_inline)) typename V::Vector simd_erf(typename V::Vector x) {
  static constexpr float kSmall[] = {1.1283791659137692f,    -0.3761262713609386f,  0.11283600177745229f,
                                     -0.026854444655471026f, 0.005189535462188138f, -0.0008020842373654502f,
                                     7.88912318237309e-05f};
  static constexpr float kLarge[] = {-0.00017841460114330866f, 1.1295333232850413f,    0.6333088886501267f,
                                     0.10832277410640292f,     -0.025147531283278724f, 0.004181910344041811f,
                                     -0.0004367345532899824f,  2.1294208473349386e-05f};
  const auto magnitude = V::abs(x);
  const auto x2 = V::mul(x, x);
  const auto small = V::mul(x, polynomial<V>(kSmall, x2));
  const auto q = polynomial<V>(kLarge, V::min(V::set1(4.0f), magnitude));
  const auto large = V::sub(V::set1(1.0f), simd_exp<V>(V::sub(V::zero(), q)));
  return V::select(V::less(magnitude, V::set1(1.0f)), small, V::flip_sign(large, V::sign_bit(x)));
}

// 1 / (1 + e^-x), 3 ulp where the result is a normal number; below about -88 the result is 0.
template <typename V>
inline __attribute__((always_inline)) typename V::Vector simd_sigmoid(typename V::Vector x) {
  const auto power = simd_exp<V>(V::sub(V::zero(), x));
  return V::div(V::set1(1.0f), V::add(V::set1(1.0f), power));
}

// log(1 + e^x), 4 ulp. max(x, 0) + log1p(u) with u = e^-|x|. What 1 + u loses of a small u, the quotient puts back:
// log1p(u) = log(w) * u / (w - 1) with w = 1 + u rounded, and u itself where w is 1.
template <typename V>
inline __attribute__((always_inline)) typename V::Vector simd_softplus(typename V::Vector x) {
  const auto u = simd_exp<V>(V::sub(V::zero(), V::abs(x)));
  const auto w = V::add(V::set1(1.0f), u);
  const auto kept = V::sub(w, V::set1(1.0f));
  const auto log1p = V::select(V::less(V::zero(), kept), V::div(V::mul(simd_log<V>(w), u), kept), u);
  return V::add(V::max(V::zero(), x), log1p);
}

// x tanh(log(1 + e^x)), 7 ulp where the result is a normal number. With e = e^x the hyperbolic tangent is
// n / (n + 2), n = e (e + 2); beyond 20 it is 1 in float, and e would overflow.
template <typename V>
inline __attribute__((always_inline)) typename V::Vector simd_mish(typename V::Vector x) {
  const auto e = simd_exp<V>(V::min(V::set1(20.0f), x));
  const auto n = V::mul(e, V::add(e, V::set1(2.0f)));
  return V::mul(x, V::div(n, V::add(n, V::set1(2.0f))));
}

// Largest argument of simd_sine: up to here n pi / 2 is exact enough. Larger ones, infinities and NaN are libm's.
inline constexpr float kSineLimit = 30000.0f;

// sin(x + quarter_turns pi / 2), 2 ulp, for |x| <= kSineLimit. x = n pi / 2 + r with |r| <= pi / 4; pi / 2 in three
// parts, of which the first leaves no error (fused, it is a multiple of 2^-23 below 1). Odd n: the cosine of r.
template <typename V>
inline __attribute__((always_inline)) typename V::Vector simd_sine(typename V::Vector x, float quarter_turns) {
  static constexpr float kSine[] = {-0.16666654600291758f, 0.008332160163600645f, -0.00019515200347615974f};
  static constexpr float kCosine[] = {0.04166664566665176f, -0.001388731544221053f, 2.443306236988824e-05f};
  auto n = V::round(V::mul(x, V::set1(0.63661977f)));
  auto r = V::fnma(n, V::set1(1.57079637f), x);
  r = V::fnma(n, V::set1(-4.37113883e-8f), r);
  r = V::fnma(n, V::set1(-1.71512489e-15f), r);
  n = V::add(n, V::set1(quarter_turns));
  const auto r2 = V::mul(r, r);
  const auto sine = V::fma(V::mul(r2, r), polynomial<V>(kSine, r2), r);
  const auto cosine = V::fma(V::mul(r2, r2), polynomial<V>(kCosine, r2), V::fnma(r2, V::set1(0.5f), V::set1(1.0f)));
  const auto half_turns = V::floor(V::mul(n, V::set1(0.5f)));
  const auto odd = V::fnma(half_turns, V::set1(2.0f), n);
  const auto negative = V::fnma(V::floor(V::mul(half_turns, V::set1(0.5f))), V::set1(2.0f), half_turns);
  const auto value = V::select(V::less(V::set1(0.5f), odd), cosine, sine);
  return V::flip_sign(value, V::select(V::less(V::set1(0.5f), negative), V::set1(-0.0f), V::zero()));
}

}  // namespace sealedge
