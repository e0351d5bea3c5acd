// Which layout every weight of a model is wanted in, by the operators that read it. The sealer writes segments by this
// answer and the engine packs the weights of plain models by it, so that a sealed model never needs rewriting at load.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/weight_layout.h"
#include "graph/tensor.h"

namespace sealedge {

// One copy of one weight. dims are those under which the layout is applied: a weight that reaches a MatMul through a
// constant Reshape is packed as the reshaped matrix, its bytes being the same row-major sequence.
struct WeightPlacement {
  WeightLayout layout = WeightLayout::kPlain;
  WeightSourceOrder order = WeightSourceOrder::kNone;
  Dims dims;
  bool operator==(const WeightPlacement&) const = default;
};

struct WeightLayouts {
  std::string name;                         // initializer, or output of a Constant node
  std::vector<WeightPlacement> placements;  // at least one; more when consumers disagree
};

// Tensors up to this size must be inline in what decide_weight_layouts() is given: shapes and axes among them matter.
inline constexpr size_t kInlineTensorBytes = 1024;

// One entry per initializer and Constant-node tensor of the main graph, in file order; a name not listed is kPlain.
// Reads operators, attributes, dims and small inline tensors only: larger tensors may be external, whatever their
// location. Fails as import does (kModelInvalid, kOpUnsupported).
Result<std::vector<WeightLayouts>> decide_weight_layouts(std::span<const uint8_t> model_proto);

}  // namespace sealedge
