// Pow where base and exponent are of any two number types.
#include <cmath>
#include <limits>
#include <type_traits>

#include "graph/ops/element_types.h"
#include "graph/ops/elementwise/binary_loop.h"
#include "graph/ops/elementwise/binary_loops.h"

namespace sealedge {

namespace {

// By squaring, modulo the type's range. A negative exponent leaves nothing but the powers of 1 and -1.
template <typename T, typename E>
T integer_power(T base, E exponent) {
  if (exponent < 0) return base == 1 ? T{1} : base == T(-1) ? (exponent % 2 == 0 ? T{1} : T(-1)) : T{0};
  // Modulo 2^64, as wanted.
  // NOLINTNEXTLINE(bugprone-signed-char-misuse)
  uint64_t result = 1, square = static_cast<uint64_t>(base);
  // Modulo 2^64, as wanted.
  // NOLINTNEXTLINE(bugprone-signed-char-misuse)
  for (auto rest = static_cast<uint64_t>(exponent); rest > 0; rest /= 2, square *= square) {
    if (rest % 2 != 0) result *= square;
  }
  return static_cast<T>(result);
}

template <typename T, typename E>
T power(T base, E exponent) {
  if constexpr (std::is_integral_v<T> && std::is_integral_v<E>) {
    return integer_power(base, exponent);
  } else if constexpr (std::is_integral_v<T>) {
    // Cut to whole numbers; what does not fit saturates, as in Cast.
    const double value = std::pow(static_cast<double>(base), static_cast<double>(exponent));
    if (std::isnan(value)) return T{0};
    if (value >= static_cast<double>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
    if (value <= static_cast<double>(std::numeric_limits<T>::min())) return std::numeric_limits<T>::min();
    return static_cast<T>(value);
  } else {
    // An exponent that does not fit into float would be rounded, and turn even from odd.
    constexpr bool kWide = std::is_same_v<E, double> || (std::is_integral_v<E> && sizeof(E) >= 4);
    using A = std::conditional_t<kWide, double, Arithmetic<T>>;
    return static_cast<T>(std::pow(static_cast<A>(base), static_cast<A>(exponent)));
  }
}

}  // namespace

std::unique_ptr<Kernel> make_power_loop(DataType base, DataType exponent, const BroadcastPlan& plan) {
  return dispatch_type(NumberTypes{}, base, [&]<typename T>() {
    return dispatch_type(NumberTypes{}, exponent, [&]<typename E>() -> std::unique_ptr<Kernel> {
      return std::make_unique<BinaryLoop<T, E, T, power<T, E>>>(plan);
    });
  });
}

}  // namespace sealedge
