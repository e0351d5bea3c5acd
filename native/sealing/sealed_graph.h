// The graph of an opened file with what it says of its sealed tensors, checked against the file's segments
// (SPEC.md "What a reader rejects", row 23). In ordinary memory: for the publisher's tools, not for a device.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "container/open.h"
#include "core/result.h"
#include "sealing/proto_writer.h"
#include "sealing/sealed_tensor.h"
#include "sealing/tensor_record.h"

namespace sealedge {

struct GraphTensor {
  TensorRecord record;
  std::optional<SealedTensor> sealed;  // absent: inline
};

struct SealedGraph {
  std::shared_ptr<const std::vector<uint8_t>> bytes;
  std::vector<GraphTensor> tensors;  // in file order
  // The ModelProto with a hole where the raw data of each sealed tensor goes.
  Rope model;
  // The layout of each weight segment, [i] for segment i + 1: what its first placement says.
  std::vector<WeightLayout> layouts;
};

// Decrypts and checks the graph. Fails with kSegmentAuth or kModelInvalid.
Result<SealedGraph> read_sealed_graph(const SealedModel& model);

}  // namespace sealedge
