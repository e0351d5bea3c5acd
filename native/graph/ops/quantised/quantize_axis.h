// Which scale and zero point belongs to which element: one for all, one per position along an axis, or one per block of
// such positions.
#pragma once

#include "core/result.h"
#include "graph/ops/quantised/quantize.h"

namespace sealedge {

// The tensor in the order of memory as (outer, size, inner); position i along the axis takes scale i / block.
struct QuantizeAxis {
  size_t outer = 1, size = 1, inner = 1;
  size_t block = 1;
  bool one_scale = true;  // for all elements
  bool blocked = false;   // scales vary with outer and inner too

  size_t scale_index(size_t o, size_t i, size_t n) const {
    if (one_scale) return 0;
    if (!blocked) return i;
    return (o * ((size + block - 1) / block) + i / block) * inner + n;
  }
};

// Refuses scales and zero points whose dims do not fit X (kShapeMismatch).
Result<QuantizeAxis> resolve_quantize_axis(const QuantizeAttributes& attributes, const Operand& x, const Operand& scale,
                                           const Operand& zero_point);

}  // namespace sealedge
