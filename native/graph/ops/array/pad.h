// What passes ask about a Pad.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "graph/op.h"

namespace sealedge {

// begins..., ends..., one pair per dimension, of a Pad that puts (positive) zeros around its input, and cuts nothing.
// Precondition: infer() accepted the inputs.
std::optional<std::vector<int64_t>> as_zero_pad(const Op& op, std::span<const Operand> inputs);

}  // namespace sealedge
