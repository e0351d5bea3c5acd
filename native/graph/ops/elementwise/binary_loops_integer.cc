// Integers of every width, and bool. Sums and products wrap around, as in numpy: they are made on uint64, where that is
// defined.
#include <type_traits>

#include "graph/ops/element_types.h"
#include "graph/ops/elementwise/binary_loop.h"
#include "graph/ops/elementwise/binary_loops.h"

namespace sealedge {

namespace {

template <typename T>
T add(T a, T b) {
  return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
template <typename T>
T sub(T a, T b) {
  return static_cast<T>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}
template <typename T>
T mul(T a, T b) {
  return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}
// Towards zero. The most negative value by -1 would trap.
template <typename T>
T quotient(T a, T b) {
  return std::is_signed_v<T> && b == T(-1) ? sub<T>(0, a) : static_cast<T>(a / b);
}
// Mod takes the sign of B, fmod that of A.
template <typename T>
T truncated_remainder(T a, T b) {
  return std::is_signed_v<T> && b == T(-1) ? T{0} : static_cast<T>(a % b);
}
template <typename T>
T floored_remainder(T a, T b) {
  const T r = truncated_remainder(a, b);
  return r != 0 && (r < 0) != (b < 0) ? static_cast<T>(r + b) : r;
}
template <typename T>
T min(T a, T b) {
  return a < b ? a : b;
}
template <typename T>
T max(T a, T b) {
  return a > b ? a : b;
}
template <typename T>
T prelu(T a, T b) {
  return a < 0 ? mul(a, b) : a;
}
template <typename T>
T bitwise_and(T a, T b) {
  return static_cast<T>(a & b);
}
template <typename T>
T bitwise_or(T a, T b) {
  return static_cast<T>(a | b);
}
template <typename T>
T bitwise_xor(T a, T b) {
  return static_cast<T>(a ^ b);
}
// Shifted by its width or more, or by a negative number, nothing is left but copies of the sign, where the CPU would
// count modulo the width (BitShift-28).
template <typename T>
bool within_width(T b) {
  return static_cast<std::make_unsigned_t<T>>(b) < sizeof(T) * 8;
}
template <typename T>
T shift_left(T a, T b) {
  return within_width(b) ? static_cast<T>(static_cast<uint64_t>(a) << b) : T{0};
}
template <typename T>
T shift_right(T a, T b) {
  return static_cast<T>(within_width(b) ? a >> b : a < 0 ? -1 : 0);
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
      return std::make_unique<DividingLoop<T, quotient<T>>>(plan);
    case BinaryKind::kMod:
      return std::make_unique<DividingLoop<T, floored_remainder<T>>>(plan);
    case BinaryKind::kFmod:
      return std::make_unique<DividingLoop<T, truncated_remainder<T>>>(plan);
    case BinaryKind::kMin:
      return loop<T, min<T>>(plan);
    case BinaryKind::kMax:
      return loop<T, max<T>>(plan);
    case BinaryKind::kPRelu:
      return loop<T, prelu<T>>(plan);
    case BinaryKind::kBitwiseAnd:
      return loop<T, bitwise_and<T>>(plan);
    case BinaryKind::kBitwiseOr:
      return loop<T, bitwise_or<T>>(plan);
    case BinaryKind::kBitwiseXor:
      return loop<T, bitwise_xor<T>>(plan);
    case BinaryKind::kBitShiftLeft:
      return loop<T, shift_left<T>>(plan);
    case BinaryKind::kBitShiftRight:
      return loop<T, shift_right<T>>(plan);
    default:
      return make_comparison_loop<T>(kind, plan);
  }
}

bool logical_and(BoolByte a, BoolByte b) { return a && b; }
bool logical_or(BoolByte a, BoolByte b) { return a || b; }
bool logical_xor(BoolByte a, BoolByte b) { return static_cast<bool>(a) != static_cast<bool>(b); }
bool logical_equal(BoolByte a, BoolByte b) { return static_cast<bool>(a) == static_cast<bool>(b); }

}  // namespace

std::unique_ptr<Kernel> make_integer_loop(BinaryKind kind, DataType type, const BroadcastPlan& plan) {
  return dispatch_type(IntegerTypes{}, type, [&]<typename T>() { return make_loop<T>(kind, plan); });
}

std::unique_ptr<Kernel> make_bool_loop(BinaryKind kind, const BroadcastPlan& plan) {
  switch (kind) {
    case BinaryKind::kAnd:
      return std::make_unique<BinaryLoop<BoolByte, BoolByte, bool, logical_and>>(plan);
    case BinaryKind::kOr:
      return std::make_unique<BinaryLoop<BoolByte, BoolByte, bool, logical_or>>(plan);
    case BinaryKind::kXor:
      return std::make_unique<BinaryLoop<BoolByte, BoolByte, bool, logical_xor>>(plan);
    case BinaryKind::kEqual:
      return std::make_unique<BinaryLoop<BoolByte, BoolByte, bool, logical_equal>>(plan);
    default:
      return nullptr;
  }
}

bool gives_bool(BinaryKind kind) { return kind >= BinaryKind::kAnd && kind <= BinaryKind::kLessOrEqual; }

}  // namespace sealedge
