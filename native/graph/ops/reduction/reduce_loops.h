// Plain reductions for the element types that have no kernel.
#pragma once

#include <memory>

#include "graph/op.h"
#include "kernels/reduce/reduce.h"

namespace sealedge {

// The params' shape is used, its pointers are not. Null when the reduction is not defined for the type.
std::unique_ptr<Kernel> make_reduce_loop(DataType type, const F32ReduceParams& params);

}  // namespace sealedge
