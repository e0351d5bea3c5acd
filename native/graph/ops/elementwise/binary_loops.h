// Plain loops for binary operators: float64 and float16, integers and bool, and what has no float32 kernel.
#pragma once

#include <memory>

#include "graph/op.h"
#include "graph/ops.h"
#include "kernels/elementwise/binary.h"

namespace sealedge {

// Operands of one type; null when the kind is not defined for it.
std::unique_ptr<Kernel> make_float_loop(BinaryKind kind, DataType type, const BroadcastPlan& plan);
std::unique_ptr<Kernel> make_integer_loop(BinaryKind kind, DataType type, const BroadcastPlan& plan);
std::unique_ptr<Kernel> make_bool_loop(BinaryKind kind, const BroadcastPlan& plan);
// Pow alone takes two types; the result has the base's (Pow-15).
std::unique_ptr<Kernel> make_power_loop(DataType base, DataType exponent, const BroadcastPlan& plan);

// Equal, Less and the other comparisons give bool; And, Or and Xor too, of bool.
bool gives_bool(BinaryKind kind);

}  // namespace sealedge
