#pragma once

#include "kernels/elementwise/unary.h"

namespace sealedge {

// Entries that an ISA leaves at nullptr run on the scalar family.
struct F32UnaryFamily {
  const char* name;
  F32UnaryFn op[static_cast<size_t>(UnaryOp::kCount)];
};

extern const F32UnaryFamily f32_unary_scalar;
extern const F32UnaryFamily f32_unary_avx2;
extern const F32UnaryFamily f32_unary_avx512;
extern const F32UnaryFamily f32_unary_neon;

}  // namespace sealedge
