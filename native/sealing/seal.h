// Encrypts a model into the segments of a sealed file. Header and envelope are the caller's (src/container/seal.ts): it
// knows the lengths from the plan, reserves their place, and signs what write_segments() returns.
//
// Memory does not grow with the model: tensors stream through bounded buffers, one per thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "container/manifest.h"
#include "core/result.h"
#include "sealing/seal_plan.h"

namespace sealedge {

// Shared with the thread that watches.
struct SealProgress {
  std::atomic<uint64_t> done_bytes{0};  // of the segments
  std::atomic<bool> cancelled{false};
};

struct SealTarget {
  int fd = -1;
  uint64_t data_offset_bytes = 0;
  unsigned threads = 1;
};

// Fails with kCancelled, kFileUnreadable, kModelInvalid (the model changed meanwhile), or as crypto does.
Result<std::vector<SegmentInfo>> write_segments(SealPlan* plan, const SealTarget& target,
                                                std::span<const uint8_t, 32> content_key, SealProgress* progress);

}  // namespace sealedge
