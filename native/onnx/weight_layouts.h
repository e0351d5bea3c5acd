// Which layout every weight of a model is wanted in, by the operators that read it. The sealer writes segments by this
// answer and the engine packs the weights of plain models by it, so that a sealed model never needs rewriting at load.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "graph/graph.h"
#include "onnx/import.h"  // kInlineTensorBytes

namespace sealedge {

// An external_data entry by which the sealer numbers tensors: names alone may be used by several graphs of a model.
inline constexpr const char* kTensorOrdinalKey = "sealedge.ordinal";

struct WeightLayouts {
  std::string name;                         // initializer, or output of a Constant node
  size_t ordinal = SIZE_MAX;                // as the tensor says, if it does
  std::vector<WeightPlacement> placements;  // at least one; more when consumers disagree
};

// One entry per initializer and Constant-node tensor of all graphs, in the order they are imported; a tensor not listed
// is kPlain.
// Reads operators, attributes, dims and small inline tensors (kInlineTensorBytes) only: larger ones may be external,
// whatever their location. Fails as import does (kModelInvalid, kOpUnsupported).
Result<std::vector<WeightLayouts>> decide_weight_layouts(std::span<const uint8_t> model_proto);

}  // namespace sealedge
