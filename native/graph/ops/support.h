// What the operators share: reading shape arguments, axes, and handing a run over to the kernels.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"
#include "graph/op.h"
#include "kernels/kernel_context.h"

namespace sealedge {

// The integers of a constant int32 or int64 operand of rank 0 or 1. When its contents are only known at run time the
// shape of the output cannot be planned: kOpUnsupported. `name` is the input's name in the standard.
Result<std::vector<int64_t>> shape_argument(const Operand& operand, const char* name);

// Axis in [-rank, rank) to [0, rank); kModelInvalid otherwise.
Result<size_t> resolve_axis(int64_t axis, size_t rank);
// The same for several, which must differ.
Result<std::vector<bool>> resolve_axes(const std::vector<int64_t>& axes, size_t rank);

Error shape_mismatch(std::string message);
Error model_invalid(std::string message);
// For types and forms that the operator's standard allows and this engine lacks.
Error op_unsupported(std::string message);

// Kernels of the active ISA, run on the pool of this run.
KernelContext kernel_context(const RunArgs& args);

}  // namespace sealedge
