// Matrix products on plain loops: of element types other than float32, and of float32 too small for the kernels.
#pragma once

#include <cstddef>

#include "core/result.h"
#include "graph/op.h"
#include "kernels/kernel_context.h"

namespace sealedge {

// Y (m, n) = A (m, k) * B (k, n); Y dense, A and B with any strides, in elements.
struct LoopProduct {
  size_t m, n, k;
  size_t a_row, a_column;
  size_t b_row, b_column;
};
using ProductLoop = void (*)(const LoopProduct& product, const void* a, const void* b, void* y,
                             const KernelContext& context);

// Floats (sums of float16 kept in float), and integers of every width, which wrap around; null for other types.
ProductLoop find_product_loop(DataType type);

// kShapeMismatch unless both factors have one type, kOpUnsupported unless a product of it exists.
Result<void> check_product_types(std::span<const Operand> inputs);

}  // namespace sealedge
