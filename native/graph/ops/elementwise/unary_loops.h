// Plain loops for unary operators: float64 and float16, integers and bool, and float32 where no kernel family has the
// operator.
#pragma once

#include <cstddef>

#include "graph/ops.h"
#include "graph/tensor.h"

namespace sealedge {

// y[i] = kind(x[i]); a and b are the kind's parameters (UnaryKind). y may be x when both types have one size.
using UnaryLoop = void (*)(const void* x, void* y, size_t count, float a, float b);

// Null when the kind is not defined for the type.
UnaryLoop find_unary_loop(UnaryKind kind, DataType type);
// What comes out: bool for the kinds that ask something, the input's type otherwise.
DataType unary_result_type(UnaryKind kind, DataType type);

}  // namespace sealedge
