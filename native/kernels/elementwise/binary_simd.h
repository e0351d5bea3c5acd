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

#define SEALEDGE_FORMS(function) {each<function, true, true>, each<function, true, false>, each<function, false, true>}
  // In the order of BinaryOp. Pow stays with libm.
  static constexpr F32BinaryFamily family(const char* name) {
    return {name,
            {SEALEDGE_FORMS(add),
             SEALEDGE_FORMS(sub),
             SEALEDGE_FORMS(mul),
             SEALEDGE_FORMS(div),
             SEALEDGE_FORMS(min),
             SEALEDGE_FORMS(max),
             {},
             SEALEDGE_FORMS(prelu)}};
  }
#undef SEALEDGE_FORMS
};

}  // namespace sealedge
