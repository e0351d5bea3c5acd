// What an Einsum equation says about operands of known ranks.
#pragma once

#include <string_view>
#include <vector>

#include "core/result.h"
#include "graph/op.h"

namespace sealedge {

// A label is a letter of the equation, or kEllipsis + n for the dimension that is the n-th from the end of what "..."
// stands for, so that ellipses of different ranks align as in broadcasting.
using EinsumLabel = int;
inline constexpr EinsumLabel kEinsumEllipsis = 256;

struct EinsumPlan {
  std::vector<std::vector<EinsumLabel>> operands;  // one label per dimension
  std::vector<EinsumLabel> output;
  std::vector<int64_t> size = std::vector<int64_t>(kEinsumEllipsis + kMaxRank, 1);  // per label
};

// kModelInvalid for what is no equation, kShapeMismatch where operands do not fit it or each other.
Result<EinsumPlan> parse_einsum(std::string_view equation, std::span<const Operand> inputs);

}  // namespace sealedge
