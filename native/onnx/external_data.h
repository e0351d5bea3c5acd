// Tensors whose bytes are not in the ModelProto: beside it in files, or in the segments of a sealed file.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/result.h"
#include "graph/constant_store.h"
#include "graph/graph.h"
#include "onnx/model_proto.h"

namespace sealedge {

// Both return bytes that are 64-byte aligned, readable up to the next multiple of 64, and live as long as the store and
// this object. size_bytes follows from the tensor's facts or the placement.
class ExternalData {
 public:
  virtual ~ExternalData() = default;
  // The elements, row-major.
  virtual Result<const uint8_t*> row_major(const TensorProto& tensor, size_t size_bytes, ConstantStore* store) = 0;
  // Already packed as wanted; null when this data does not come packed so.
  virtual Result<const uint8_t*> packed(const TensorProto& tensor, const WeightPlacement& placement, size_t size_bytes,
                                        ConstantStore* store) = 0;
};

// For models that have no place to keep such data.
class NoExternalData final : public ExternalData {
 public:
  Result<const uint8_t*> row_major(const TensorProto& tensor, size_t size_bytes, ConstantStore* store) override;
  Result<const uint8_t*> packed(const TensorProto&, const WeightPlacement&, size_t, ConstantStore*) override {
    return static_cast<const uint8_t*>(nullptr);
  }
};

}  // namespace sealedge
