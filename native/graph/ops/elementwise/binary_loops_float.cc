// float64, float16, and of float32 what the kernels lack.
#include <cmath>

#include "graph/ops/element_types.h"
#include "graph/ops/elementwise/binary_loop.h"
#include "graph/ops/elementwise/binary_loops.h"

namespace sealedge {

namespace {

template <typename T>
T add(T a, T b) {
  return T(a + b);
}
template <typename T>
T sub(T a, T b) {
  return T(a - b);
}
template <typename T>
T mul(T a, T b) {
  return T(a * b);
}
template <typename T>
T div(T a, T b) {
  return T(a / b);
}
template <typename T>
T power(T a, T b) {
  return T(std::pow(static_cast<Arithmetic<T>>(a), static_cast<Arithmetic<T>>(b)));
}
// NaN if either is: the first comparison catches it in a, and b is the answer when both comparisons with it fail.
template <typename T>
T min(T a, T b) {
  return a != a || a < b ? a : b;
}
template <typename T>
T max(T a, T b) {
  return a != a || a > b ? a : b;
}
template <typename T>
T prelu(T a, T b) {
  return a < 0 ? T(a * b) : a;
}
// The sign of A.
template <typename T>
T truncated_remainder(T a, T b) {
  return T(std::fmod(static_cast<Arithmetic<T>>(a), static_cast<Arithmetic<T>>(b)));
}
// The sign of B. The standard wants fmod for floats; what leaves it out means numpy.mod.
template <typename T>
T floored_remainder(T a, T b) {
  using A = Arithmetic<T>;
  const A divisor = b, r = std::fmod(static_cast<A>(a), divisor);
  if (r == 0) return T(std::copysign(r, divisor));
  return T((r < 0) != (divisor < 0) ? r + divisor : r);
}

template <typename T, T (*kFunction)(T, T)>
std::unique_ptr<Kernel> loop(const BroadcastPlan& plan) {
  return std::make_unique<BinaryLoop<T, T, T, kFunction>>(plan);
}

template <typename T>
std::unique_ptr<Kernel> make_loop(BinaryKind kind, const BroadcastPlan& plan) {
  switch (kind) {
    case BinaryKind::kAdd:
      return loop<T, add<T>>(plan);
    case BinaryKind::kSub:
      return loop<T, sub<T>>(plan);
    case BinaryKind::kMul:
      return loop<T, mul<T>>(plan);
    case BinaryKind::kDiv:
      return loop<T, div<T>>(plan);
    case BinaryKind::kPow:
      return loop<T, power<T>>(plan);
    case BinaryKind::kMin:
      return loop<T, min<T>>(plan);
    case BinaryKind::kMax:
      return loop<T, max<T>>(plan);
    case BinaryKind::kPRelu:
      return loop<T, prelu<T>>(plan);
    case BinaryKind::kMod:
      return loop<T, floored_remainder<T>>(plan);
    case BinaryKind::kFmod:
      return loop<T, truncated_remainder<T>>(plan);
    default:
      return make_comparison_loop<T>(kind, plan);
  }
}

}  // namespace

std::unique_ptr<Kernel> make_float_loop(BinaryKind kind, DataType type, const BroadcastPlan& plan) {
  return dispatch_type(FloatTypes{}, type, [&]<typename T>() { return make_loop<T>(kind, plan); });
}

}  // namespace sealedge
