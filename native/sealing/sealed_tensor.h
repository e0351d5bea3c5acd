// How the graph segment says where a sealed tensor lies (SPEC.md "Graph"): external_data entries and their placements.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "core/weight_layout.h"
#include "crypto/digest.h"

namespace sealedge {

struct SegmentPlacement {
  size_t segment = 0;  // >= 1
  uint64_t offset_bytes = 0;
  uint64_t length_bytes = 0;
  WeightLayout layout = WeightLayout::kPlain;
  WeightSourceOrder order = WeightSourceOrder::kNone;
  std::vector<int64_t> dims;
};

struct SealedTensor {
  Sha256Digest sha256;  // of the elements, row-major
  std::vector<SegmentPlacement> placements;
};

using ExternalEntries = std::vector<std::pair<std::string, std::string>>;

std::string format_placement(const SegmentPlacement& placement);
// Fails with kModelInvalid. Bounds of segments are not checked here: see check_placement().
Result<SegmentPlacement> parse_placement(std::string_view text);

ExternalEntries format_sealed_tensor(const SealedTensor& tensor);
Result<SealedTensor> parse_sealed_tensor(const ExternalEntries& entries);

// The length that `placement`'s layout gives a tensor of raw_bytes; kModelInvalid when layout, order, dims and type do
// not agree.
Result<uint64_t> placed_length_bytes(const SegmentPlacement& placement, int32_t data_type, uint64_t raw_bytes);

}  // namespace sealedge
