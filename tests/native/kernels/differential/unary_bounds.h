// How far the SIMD forms of a unary operator may be from libm: the bounds that simd/math_simd.h and
// elementwise/unary_simd.h state, used by the tests and by the fuzzer.
#pragma once

#include <cmath>
#include <limits>

#include "kernels/elementwise/unary.h"

namespace sealedge {

// Either bound suffices.
struct UnaryBound {
  double ulps;
  double absolute;
};

inline UnaryBound unary_bound(UnaryOp op, UnaryParams p) {
  switch (op) {
    case UnaryOp::kElu:
      return {1, std::fabs(p.alpha) * 1.2e-7};
    case UnaryOp::kSelu:
      return {1, std::fabs(p.alpha * p.beta) * 1.7e-7};
    case UnaryOp::kSigmoid:
      return {3, 1.2e-38};
    case UnaryOp::kSilu:
      return {3, 1.2e-36};
    case UnaryOp::kGelu:
      return {4, 4e-7};
    case UnaryOp::kGeluTanh:
      return {4, 6e-7};
    case UnaryOp::kSoftplus:
      return {4, 0};
    case UnaryOp::kMish:
      return {7, 1.2e-36};
    case UnaryOp::kSin:
    case UnaryOp::kCos:
      return {2, 0};
    case UnaryOp::kTanh:
    case UnaryOp::kErf:
      return {3, 0};
    case UnaryOp::kExp:
    case UnaryOp::kLog:
      return {2, 0};
    default:
      return {0, 0};
  }
}

// Distance in representable values; 0 for two NaNs.
inline double ulps_apart(float a, float b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b) ? 0 : 1e30;
  if (a == b) return 0;
  if (std::isinf(a) || std::isinf(b)) return 1e30;
  const float next = std::nextafter(std::fabs(b), std::numeric_limits<float>::infinity());
  return std::fabs(static_cast<double>(a) - b) / (static_cast<double>(next) - std::fabs(b));
}

}  // namespace sealedge
