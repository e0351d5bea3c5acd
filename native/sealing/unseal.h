// The publisher's way back: from a sealed file and its key to an ONNX file. Plaintext lands in ordinary memory and in
// the file that is asked for; a device never does this.
#pragma once

#include <atomic>
#include <cstdint>

#include "container/open.h"
#include "core/result.h"

namespace sealedge {

struct UnsealReport {
  uint64_t tensors = 0;
  uint64_t sealed_tensors = 0;
  uint64_t model_bytes = 0;
};

// Checks everything that a holder of the key can: every tag, every placement, and that every copy of every weight
// un-blocks to the digest in the graph. Writes the model to fd from its start; fd < 0: only checks. Fails with
// kSegmentAuth, kModelInvalid, kFileUnreadable, kLimitExceeded (an ONNX file of 2 GiB or more).
Result<UnsealReport> unseal_model(const SealedModel& model, int fd);

}  // namespace sealedge
