// When the results of two instruction sets agree.
//
// Sums. Kernels add in different orders, some with fused multiply-adds. Two sums of n products differ by at most
// 2 gamma_n S, where S is the sum of the products' magnitudes and gamma_n = n u / (1 - n u), u = 2^-24 (Higham,
// "Accuracy and Stability of Numerical Algorithms", 2nd edition, section 3.1), plus what products that are denormal
// lose, 2^-149 each. S is computed by the scalar kernel itself, on magnitudes.
//
// Infinity and NaN absorb in any order, so results agree in kind as long as no order can overflow on the way.
//
// Everything else states its bound where it is compared; moves, minima, maxima and integers are exact.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <limits>
#include <string>

#include "decisions.h"

namespace sealedge::differential {

inline constexpr double kUnit = 0x1p-24;  // half the distance from 1 to the next float
inline constexpr double kLeastFloat = 0x1p-149;
inline constexpr double kMayOverflow = std::numeric_limits<float>::max() / 4;

inline bool agree(float got, float want, double bound) {
  if (got == want) return true;
  if (std::isnan(got) || std::isnan(want)) return std::isnan(got) && std::isnan(want);
  if (std::isinf(got) || std::isinf(want)) return false;
  return std::fabs(static_cast<double>(got) - want) <= bound;
}

// How far two sums of `terms` products or values of magnitude `sum` in all may be apart.
inline double sum_bound(size_t terms, double sum) {
  const double n = static_cast<double>(terms) + 2;
  return 2 * n * kUnit / (1 - n * kUnit) * sum + n * kLeastFloat;
}

// Empty, or which element disagrees and how.
inline std::string disagreement(const char* what, size_t i, float got, float want, double bound) {
  char text[160];
  std::snprintf(text, sizeof text, "%s: element %zu: scalar %.9g, got %.9g, bound %.3g", what, i,
                static_cast<double>(want), static_cast<double>(got), bound);
  return text;
}

// Compares element by element with bound(i); a negative bound leaves the element out.
template <typename Bound>
std::string compare(const char* what, const Buffer<float>& got, const Buffer<float>& want, const Bound& bound) {
  for (size_t i = 0; i < want.size(); i++) {
    const double allowed = bound(i);
    if (allowed >= 0 && !agree(got[i], want[i], allowed)) return disagreement(what, i, got[i], want[i], allowed);
  }
  return {};
}

template <typename T>
std::string compare_exactly(const char* what, const Buffer<T>& got, const Buffer<T>& want) {
  for (size_t i = 0; i < want.size(); i++) {
    if (got[i] != want[i]) return std::string(what) + ": element " + std::to_string(i) + " is not the same";
  }
  return {};
}

// |x|, and 0 for what is not finite.
inline Buffer<float> magnitudes(const Buffer<float>& x) {
  Buffer<float> out(x.size());
  for (size_t i = 0; i < x.size(); i++) out[i] = std::isfinite(x[i]) ? std::fabs(x[i]) : 0.0f;
  return out;
}

}  // namespace sealedge::differential
