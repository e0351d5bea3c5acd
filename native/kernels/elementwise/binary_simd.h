// Binary operators on vectors of type V.
#pragma once

#include "kernels/elementwise/binary_family.h"

namespace sealedge {

template <typename V>
struct BinarySimd {
  using X = typename V::Vector;
  static inline X add(X a, X b) { return V::add(a, b); }
  static inline X sub(X a, X b) { return V::sub(a, b); }
  static inline X mul(X a, X b) { return V::mul(a, b); }
  static inline X div(X a, X b) { return V::div(a, b); }
  static inline X min(X a, X b) { return V::minimum(a, b); }
  static inline X max(X a, X b) { return V::maximum(a, b); }
  static inline X prelu(X a, X b) { return V::select(V::less(a, V::zero()), V::mul(a, b), a); }

  template <X (*kFunction)(X, X), bool kAdvanceA, bool kAdvanceB>
  static void each(const float* a, const float* b, float* y, size_t size) {
    if (size == 0) return;
    const X one_a = V::set1(*a), one_b = V::set1(*b);
    size_t i = 0;
    for (; i + V::kLanes <= size; i += V::kLanes) {
      V::store(y + i, kFunction(kAdvanceA ? V::load(a + i) : one_a, kAdvanceB ? V::load(b + i) : one_b));
    }
    if (i < size) {
      const auto rest = V::mask(0, size - i);
      V::store(rest, y + i,
               kFunction(kAdvanceA ? V::load(rest, a + i) : one_a, kAdvanceB ? V::load(rest, b + i) : one_b));
    }
  }

  // Powers by one exponent, as networks have them: squares, cubes, roots, reciprocals. Others go through libm. The sums
  // with 0 make -0 what the power of it is, and the root of -infinity is infinity there.
  static inline X square(X a, X) { return V::mul(a, a); }
  static inline X cube(X a, X) { return V::mul(V::mul(a, a), a); }
  static inline X root(X a, X) {
    const X infinity = V::set1(__builtin_inff()), least = V::set1(-__FLT_MAX__);
    return V::select(V::less(a, least), infinity, V::sqrt(V::add(a, V::zero())));
  }
  static inline X inverse(X a, X) { return V::div(V::set1(1.0f), a); }
  static inline X inverse_root(X a, X b) { return V::div(V::set1(1.0f), root(a, b)); }
  static void power_by_one(const float* a, const float* b, float* y, size_t size) {
    if (size == 0) return;
    if (*b == 2.0f) return each<square, true, false>(a, b, y, size);
    if (*b == 3.0f) return each<cube, true, false>(a, b, y, size);
    if (*b == 0.5f) return each<root, true, false>(a, b, y, size);
    if (*b == -1.0f) return each<inverse, true, false>(a, b, y, size);
    if (*b == -0.5f) return each<inverse_root, true, false>(a, b, y, size);
    constexpr auto kPow = static_cast<size_t>(BinaryOp::kPow), kForm = static_cast<size_t>(BinaryForm::kVectorScalar);
    f32_binary_scalar.op[kPow][kForm](a, b, y, size);
  }

#define SEALEDGE_FORMS(function) {each<function, true, true>, each<function, true, false>, each<function, false, true>}
  // In the order of BinaryOp. Of Pow only the form with one exponent.
  static constexpr F32BinaryFamily family(const char* name) {
    return {name,
            {SEALEDGE_FORMS(add),
             SEALEDGE_FORMS(sub),
             SEALEDGE_FORMS(mul),
             SEALEDGE_FORMS(div),
             SEALEDGE_FORMS(min),
             SEALEDGE_FORMS(max),
             {nullptr, power_by_one, nullptr},
             SEALEDGE_FORMS(prelu)}};
  }
#undef SEALEDGE_FORMS
};

}  // namespace sealedge
