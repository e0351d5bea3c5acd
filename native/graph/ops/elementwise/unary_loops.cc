#include "graph/ops/elementwise/unary_loops.h"

#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "graph/ops/element_types.h"

namespace sealedge {

namespace {

using Kind = UnaryKind;
constexpr size_t kKindCount = static_cast<size_t>(Kind::kSwish) + 1;
constexpr double kHalfRootOfTwo = 0.70710678118654752440, kRootOfTwoOverPi = 0.79788456080286535588;

// The formulas of the standard; A is float or double. A NaN comes out as NaN, except where a comparison decides
// (Shrink) or the question is about it (IsNaN).
template <Kind kKind, typename A>
A formula(A x, A a, A b) {
  if constexpr (kKind == Kind::kAbs) {
    return std::fabs(x);
  } else if constexpr (kKind == Kind::kNeg) {
    return -x;
  } else if constexpr (kKind == Kind::kSign) {
    return x > 0 ? A(1) : x < 0 ? A(-1) : x;
  } else if constexpr (kKind == Kind::kFloor) {
    return std::floor(x);
  } else if constexpr (kKind == Kind::kCeil) {
    return std::ceil(x);
  } else if constexpr (kKind == Kind::kRound) {
    return std::nearbyint(x);  // ties to even
  } else if constexpr (kKind == Kind::kSqrt) {
    return std::sqrt(x);
  } else if constexpr (kKind == Kind::kReciprocal) {
    return 1 / x;
  } else if constexpr (kKind == Kind::kExp) {
    return std::exp(x);
  } else if constexpr (kKind == Kind::kLog) {
    return std::log(x);
  } else if constexpr (kKind == Kind::kErf) {
    return std::erf(x);
  } else if constexpr (kKind == Kind::kSin) {
    return std::sin(x);
  } else if constexpr (kKind == Kind::kCos) {
    return std::cos(x);
  } else if constexpr (kKind == Kind::kTan) {
    return std::tan(x);
  } else if constexpr (kKind == Kind::kAsin) {
    return std::asin(x);
  } else if constexpr (kKind == Kind::kAcos) {
    return std::acos(x);
  } else if constexpr (kKind == Kind::kAtan) {
    return std::atan(x);
  } else if constexpr (kKind == Kind::kSinh) {
    return std::sinh(x);
  } else if constexpr (kKind == Kind::kCosh) {
    return std::cosh(x);
  } else if constexpr (kKind == Kind::kTanh) {
    return std::tanh(x);
  } else if constexpr (kKind == Kind::kAsinh) {
    return std::asinh(x);
  } else if constexpr (kKind == Kind::kAcosh) {
    return std::acosh(x);
  } else if constexpr (kKind == Kind::kAtanh) {
    return std::atanh(x);
  } else if constexpr (kKind == Kind::kRelu) {
    return x < 0 ? A(0) : x;
  } else if constexpr (kKind == Kind::kSigmoid) {
    return 1 / (1 + std::exp(-x));
  } else if constexpr (kKind == Kind::kSoftplus) {
    return (x > 0 ? x : A(0)) + std::log1p(std::exp(-std::fabs(x)));
  } else if constexpr (kKind == Kind::kSoftsign) {
    return x / (1 + std::fabs(x));
  } else if constexpr (kKind == Kind::kHardSwish) {
    return x * formula<Kind::kHardSigmoid, A>(x, A(1.0 / 6.0), A(0.5));
  } else if constexpr (kKind == Kind::kLeakyRelu) {
    return x < 0 ? a * x : x;
  } else if constexpr (kKind == Kind::kElu) {
    return x < 0 ? a * std::expm1(x) : x;
  } else if constexpr (kKind == Kind::kSelu) {
    return b * (x <= 0 ? a * std::expm1(x) : x);
  } else if constexpr (kKind == Kind::kCelu) {
    return x < 0 ? a * std::expm1(x / a) : x;
  } else if constexpr (kKind == Kind::kHardSigmoid) {
    const A y = a * x + b;
    return y < 0 ? A(0) : y > 1 ? A(1) : y;
  } else if constexpr (kKind == Kind::kThresholdedRelu) {
    return x > a || x != x ? x : A(0);
  } else if constexpr (kKind == Kind::kGelu) {
    if (a == 0) return x / 2 * (1 + std::erf(x * A(kHalfRootOfTwo)));
    return x / 2 * (1 + std::tanh(A(kRootOfTwoOverPi) * (x + A(0.044715) * x * x * x)));
  } else if constexpr (kKind == Kind::kMish) {
    return x * std::tanh(formula<Kind::kSoftplus, A>(x, a, b));
  } else if constexpr (kKind == Kind::kShrink) {  // a: lambd, b: bias
    return x < -a ? x + b : x > a ? x - b : A(0);
  } else if constexpr (kKind == Kind::kSwish) {
    return x / (1 + std::exp(-a * x));
  }
}

template <typename T, typename R, typename Function>
void each(const void* x, void* y, size_t count, Function function) {
  const auto* from = static_cast<const T*>(x);
  auto* to = static_cast<R*>(y);
  for (size_t i = 0; i < count; ++i) to[i] = function(from[i]);
}

constexpr bool is_arithmetic(Kind kind) {
  return kind != Kind::kNot && kind != Kind::kIsNaN && kind != Kind::kIsInf && kind != Kind::kBitwiseNot;
}

template <typename T, Kind kKind>
constexpr UnaryLoop float_loop() {
  if constexpr (is_arithmetic(kKind)) {
    return [](const void* x, void* y, size_t count, float a, float b) {
      using A = Arithmetic<T>;
      each<T, T>(x, y, count, [&](T value) {
        return T(formula<kKind, A>(static_cast<A>(value), static_cast<A>(a), static_cast<A>(b)));
      });
    };
  } else if constexpr (kKind == Kind::kIsNaN) {
    return [](const void* x, void* y, size_t count, float, float) {
      each<T, BoolByte>(x, y, count, [](T value) { return BoolByte(value != value); });
    };
  } else if constexpr (kKind == Kind::kIsInf) {  // a: detect_negative, b: detect_positive
    return [](const void* x, void* y, size_t count, float a, float b) {
      constexpr auto kInfinity = std::numeric_limits<Arithmetic<T>>::infinity();
      each<T, BoolByte>(x, y, count, [&](T value) {
        return BoolByte((a != 0 && value == -kInfinity) || (b != 0 && value == kInfinity));
      });
    };
  } else {
    return nullptr;
  }
}

// The most negative value has no positive counterpart: it stays, as in numpy.
template <typename T>
T negated(T x) {
  return static_cast<T>(0 - static_cast<std::make_unsigned_t<T>>(x));
}

template <typename T, Kind kKind>
constexpr UnaryLoop integer_loop() {
  const auto loop = []<T (*kFunction)(T)>() -> UnaryLoop {
    return [](const void* x, void* y, size_t count, float, float) { each<T, T>(x, y, count, kFunction); };
  };
  if constexpr (kKind == Kind::kAbs) {
    return loop.template operator()<+[](T x) { return x < 0 ? negated(x) : x; }>();
  } else if constexpr (kKind == Kind::kNeg) {
    return loop.template operator()<+[](T x) { return negated(x); }>();
  } else if constexpr (kKind == Kind::kSign) {
    return loop.template operator()<+[](T x) { return static_cast<T>((x > 0) - (x < 0)); }>();
  } else if constexpr (kKind == Kind::kRelu) {
    return loop.template operator()<+[](T x) { return x < 0 ? T{0} : x; }>();
  } else if constexpr (kKind == Kind::kBitwiseNot) {
    return loop.template operator()<+[](T x) { return static_cast<T>(~x); }>();
  } else {
    return nullptr;
  }
}

template <typename T, size_t... kKinds>
constexpr std::array<UnaryLoop, kKindCount> loops_of(std::index_sequence<kKinds...>) {
  if constexpr (kIsFloating<T>) {
    return {float_loop<T, static_cast<Kind>(kKinds)>()...};
  } else {
    return {integer_loop<T, static_cast<Kind>(kKinds)>()...};
  }
}

}  // namespace

UnaryLoop find_unary_loop(UnaryKind kind, DataType type) {
  if (type == DataType::kBool && kind == Kind::kNot) {
    return [](const void* x, void* y, size_t count, float, float) {
      each<BoolByte, BoolByte>(x, y, count, [](BoolByte value) { return BoolByte(!value); });
    };
  }
  return dispatch_type(NumberTypes{}, type, [&]<typename T>() -> UnaryLoop {
    static constexpr auto kLoops = loops_of<T>(std::make_index_sequence<kKindCount>{});
    return kLoops[static_cast<size_t>(kind)];
  });
}

DataType unary_result_type(UnaryKind kind, DataType type) {
  return kind == Kind::kIsNaN || kind == Kind::kIsInf ? DataType::kBool : type;
}

}  // namespace sealedge
