// Arithmetic on integers from outside: false on overflow, *out untouched.
#pragma once

#include <cstdint>

namespace sealedge {

template <typename T>
[[nodiscard]] inline bool checked_add(T a, T b, T* out) {
  T r;
  if (__builtin_add_overflow(a, b, &r)) return false;
  *out = r;
  return true;
}

template <typename T>
[[nodiscard]] inline bool checked_mul(T a, T b, T* out) {
  T r;
  if (__builtin_mul_overflow(a, b, &r)) return false;
  *out = r;
  return true;
}

}  // namespace sealedge
