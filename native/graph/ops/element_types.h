// Element types as C++ types, for loops that are instantiated per type.
#pragma once

#include <cstdint>
#include <type_traits>

#include "core/float16.h"
#include "graph/tensor.h"

namespace sealedge {

// Any byte but 0 is true: a bool tensor may come from a caller, so it is never read as a C++ bool.
struct BoolByte {
  uint8_t byte = 0;
  BoolByte() = default;
  explicit BoolByte(bool value) : byte(value ? 1 : 0) {}
  operator bool() const { return byte != 0; }  // NOLINT(google-explicit-constructor)
};
static_assert(sizeof(BoolByte) == 1);

template <typename T>
inline constexpr DataType kDataTypeOf = DataType::kUndefined;
template <>
inline constexpr DataType kDataTypeOf<float> = DataType::kFloat32;
template <>
inline constexpr DataType kDataTypeOf<double> = DataType::kFloat64;
template <>
inline constexpr DataType kDataTypeOf<Float16> = DataType::kFloat16;
template <>
inline constexpr DataType kDataTypeOf<BoolByte> = DataType::kBool;
template <>
inline constexpr DataType kDataTypeOf<int8_t> = DataType::kInt8;
template <>
inline constexpr DataType kDataTypeOf<int16_t> = DataType::kInt16;
template <>
inline constexpr DataType kDataTypeOf<int32_t> = DataType::kInt32;
template <>
inline constexpr DataType kDataTypeOf<int64_t> = DataType::kInt64;
template <>
inline constexpr DataType kDataTypeOf<uint8_t> = DataType::kUint8;
template <>
inline constexpr DataType kDataTypeOf<uint16_t> = DataType::kUint16;
template <>
inline constexpr DataType kDataTypeOf<uint32_t> = DataType::kUint32;
template <>
inline constexpr DataType kDataTypeOf<uint64_t> = DataType::kUint64;

template <typename T>
inline constexpr bool kIsFloating = std::is_floating_point_v<T> || std::is_same_v<T, Float16>;
// What arithmetic on T is done in: float16 has none of its own.
template <typename T>
using Arithmetic = std::conditional_t<std::is_same_v<T, Float16>, float, T>;

template <typename... Ts>
struct TypeList {};
template <typename... As, typename... Bs>
TypeList<As..., Bs...> operator+(TypeList<As...>, TypeList<Bs...>) {
  return {};
}
using FloatTypes = TypeList<float, double, Float16>;
using SignedTypes = TypeList<int8_t, int16_t, int32_t, int64_t>;
using UnsignedTypes = TypeList<uint8_t, uint16_t, uint32_t, uint64_t>;
using IntegerTypes = decltype(SignedTypes{} + UnsignedTypes{});
using NumberTypes = decltype(FloatTypes{} + IntegerTypes{});
using AllTypes = decltype(NumberTypes{} + TypeList<BoolByte>{});

// function.template operator()<T>() for that T of the list which is `type`; when it is none of them, what a default
// construction of the result gives: null for pointers.
template <typename First, typename... Rest, typename Function>
auto dispatch_type(TypeList<First, Rest...>, DataType type, Function&& function) {
  using R = decltype(function.template operator()<First>());
  if (type == kDataTypeOf<First>) return R(function.template operator()<First>());
  if constexpr (sizeof...(Rest) > 0) {
    return dispatch_type(TypeList<Rest...>{}, type, function);
  } else {
    return R{};
  }
}

// For moving elements as bits: function.template operator()<an unsigned integer of this size>().
template <typename Function>
auto dispatch_size(size_t element_bytes, Function&& function) {
  switch (element_bytes) {
    case 1:
      return function.template operator()<uint8_t>();
    case 2:
      return function.template operator()<uint16_t>();
    case 4:
      return function.template operator()<uint32_t>();
    default:
      return function.template operator()<uint64_t>();
  }
}

}  // namespace sealedge
