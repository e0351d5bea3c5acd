// Brings the constants that an imported graph needs into memory, each in the layouts its consumers read.
#pragma once

#include <cstddef>
#include <map>
#include <vector>

#include "core/result.h"
#include "graph/constant_store.h"
#include "onnx/external_data.h"
#include "onnx/import.h"

namespace sealedge {

// Which layouts the nodes (and graph outputs) of the graph and its bodies want of every constant, without repetition,
// in the order met.
using WantedPlacements = std::map<const Constant*, std::vector<WeightPlacement>>;
// Fails with kLimitExceeded when one weight is wanted in more than kMaxPlacements ways: each would be a copy.
Result<WantedPlacements> wanted_placements(const Graph& model);
inline constexpr size_t kMaxPlacements = 8;

struct LoadStatistics {
  size_t repacked_weights = 0;  // external ones that did not come as they are wanted
};

// Afterwards no TensorProto is needed any more. Fails with kModelInvalid (data missing, or of the wrong size),
// kOutOfMemory or kMemoryExhausted, or as the external data does.
Result<LoadStatistics> load_constants(ImportedModel* model, ExternalData* external, ConstantStore* store);

}  // namespace sealedge
