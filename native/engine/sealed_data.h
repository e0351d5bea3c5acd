// The tensors of a sealed model: its external_data entries name segments (SPEC.md "Graph"), which are decrypted into
// secret memory when the first tensor in them is wanted, and then used where they lie.
#pragma once

#include <map>
#include <string_view>
#include <utility>

#include "container/open.h"
#include "onnx/external_data.h"

namespace sealedge {

struct SealedPlacement {
  size_t segment = 0;
  uint64_t offset_bytes = 0;
  uint64_t length_bytes = 0;
  WeightPlacement placement;
};

// One `sealedge.placement` entry. Strict: every field of SPEC.md "Graph", one space between, no leading zeros.
Result<SealedPlacement> parse_sealed_placement(std::string_view text);

class SealedData final : public ExternalData {
 public:
  explicit SealedData(const SealedModel& model) : model_(model) {}

  Result<const uint8_t*> row_major(const TensorProto& tensor, size_t size_bytes, ConstantStore* store) override;
  Result<const uint8_t*> packed(const TensorProto& tensor, const WeightPlacement& placement, size_t size_bytes,
                                ConstantStore* store) override;

 private:
  Result<const uint8_t*> bytes_of(const SealedPlacement& sealed, size_t size_bytes, ConstantStore* store);

  Result<const uint8_t*> unpack(const TensorProto& tensor, size_t size_bytes, ConstantStore* store);

  const SealedModel& model_;
  struct Segment {
    const uint8_t* data;
    uint64_t length_bytes;
  };
  std::map<std::pair<size_t, WeightLayout>, Segment> segments_;
};

}  // namespace sealedge
