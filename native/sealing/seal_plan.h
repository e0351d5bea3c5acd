// Which tensor goes where: inline in the graph, or into which segments, in which layout (SPEC.md "Writing", step 1).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "container/manifest.h"
#include "core/result.h"
#include "sealing/model_walk.h"
#include "sealing/sealed_tensor.h"
#include "sealing/tensor_record.h"

namespace sealedge {

// The envelope holds at most 1 MiB, and a segment takes about 430 bytes of it.
inline constexpr size_t kMaxSegments = 2048;

struct PlannedTensor {
  TensorRecord record;
  SealedTensor sealed;  // no placements: inline. The digest is filled in while sealing.
};

struct PlannedSegment {
  WeightLayout layout = WeightLayout::kPlain;
  uint64_t length_bytes = 0;
  struct Part {
    size_t tensor = 0;
    size_t placement = 0;
  };
  std::vector<Part> parts;  // by rising offset
};

struct SealPlan {
  ModelFile file;
  std::vector<PlannedTensor> tensors;    // in file order
  std::vector<PlannedSegment> segments;  // segments[i] is segment i + 1 of the file
  uint64_t graph_length_bytes = 0;
  uint64_t tensor_bytes = 0;  // row-major, of all tensors
  // Why no weight was blocked, when the engine cannot run the model; empty otherwise.
  std::string unsupported;
};

// Fails with kModelInvalid, kLimitExceeded, kFileUnreadable.
Result<SealPlan> plan_seal(const std::string& model_path);

// The graph segment for the plan as it stands: same length whatever the digests are.
Result<std::string> write_graph(const SealPlan& plan);

}  // namespace sealedge
