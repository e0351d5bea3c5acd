#pragma once

#include "kernels/elementwise/binary.h"

namespace sealedge {

// Which operands advance: both, only the first (b is one value), only the second (a is one value).
enum class BinaryForm : unsigned char { kVectorVector, kVectorScalar, kScalarVector, kCount };

using F32BinaryFn = void (*)(const float* a, const float* b, float* y, size_t size);

// Entries that an ISA leaves at nullptr run on the scalar family.
struct F32BinaryFamily {
  const char* name;
  F32BinaryFn op[static_cast<size_t>(BinaryOp::kCount)][static_cast<size_t>(BinaryForm::kCount)];
};

extern const F32BinaryFamily f32_binary_scalar;
extern const F32BinaryFamily f32_binary_avx2;
extern const F32BinaryFamily f32_binary_avx512;
extern const F32BinaryFamily f32_binary_neon;

}  // namespace sealedge
