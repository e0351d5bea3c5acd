#include "sealing/seal.h"

#include <algorithm>
#include <mutex>
#include <numeric>
#include <optional>

#include "container/segments.h"
#include "core/thread_pool.h"
#include "sealing/segment_writer.h"
#include "sealing/tensor_stream.h"

namespace sealedge {
namespace {

uint64_t align(uint64_t n) { return (n + kSegmentAlignment - 1) / kSegmentAlignment * kSegmentAlignment; }

// Graph, then weights, each on its page (SPEC.md "Statement").
std::vector<uint64_t> segment_offsets(const SealPlan& plan, uint64_t data_offset) {
  std::vector<uint64_t> offsets = {data_offset};
  uint64_t end = data_offset + plan.graph_length_bytes;
  for (const PlannedSegment& segment : plan.segments) {
    offsets.push_back(align(end));
    end = offsets.back() + segment.length_bytes;
  }
  return offsets;
}

class Sealing {
 public:
  Sealing(SealPlan* plan, const SealTarget& target, std::span<const uint8_t, 32> content_key, SealProgress* progress)
      : plan_(plan),
        target_(target),
        content_key_(content_key),
        progress_(progress),
        offsets_(segment_offsets(*plan, target.data_offset_bytes)),
        infos_(plan->segments.size() + 1) {}

  Result<std::vector<SegmentInfo>> run() {
    SEALEDGE_TRY(write_weights());
    SEALEDGE_TRY(write_graph_segment());
    return std::move(infos_);
  }

 private:
  // Large segments first, so that no thread is left with one at the end.
  Result<void> write_weights() {
    std::vector<size_t> order(plan_->segments.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::sort(order.begin(), order.end(),
              [this](size_t a, size_t b) { return plan_->segments[a].length_bytes > plan_->segments[b].length_bytes; });
    SEALEDGE_ASSIGN(const auto pool, ThreadPool::create(std::max(target_.threads, 1U)));
    pool->parallel_for(order.size(), std::max(target_.threads, 1U), [&](size_t i, unsigned) {
      if (progress_->cancelled.load(std::memory_order_relaxed)) return;
      auto result = write_weight_segment(order[i]);
      if (!result.ok()) fail(std::move(result).error());
    });
    if (error_.has_value()) return *std::move(error_);
    if (progress_->cancelled) return Error{ErrorCode::kCancelled, "sealing was cancelled"};
    return {};
  }

  // The first error stops the others.
  void fail(Error error) {
    const std::lock_guard lock(mutex_);
    if (!error_.has_value()) error_ = std::move(error);
    progress_->cancelled = true;
  }

  Result<void> write_weight_segment(size_t index) {
    const PlannedSegment& segment = plan_->segments[index];
    SEALEDGE_ASSIGN(SegmentWriter writer,
                    SegmentWriter::create(target_.fd, offsets_[index + 1], segment.length_bytes, SegmentKind::kWeights,
                                          static_cast<uint8_t>(segment.layout), content_key_));
    for (const PlannedSegment::Part& part : segment.parts) {
      PlannedTensor& tensor = plan_->tensors[part.tensor];
      const SegmentPlacement& placement = tensor.sealed.placements[part.placement];
      SEALEDGE_TRY(writer.pad_to(placement.offset_bytes));
      SEALEDGE_ASSIGN(TensorStream stream, TensorStream::create(tensor.record, placement));
      for (;;) {
        if (progress_->cancelled.load(std::memory_order_relaxed)) return {};
        SEALEDGE_ASSIGN(const std::span<uint8_t> bytes, stream.next());
        if (bytes.empty()) break;
        const size_t size = bytes.size();
        SEALEDGE_TRY(writer.write(bytes));
        progress_->done_bytes.fetch_add(size, std::memory_order_relaxed);
      }
      // One placement of a tensor is enough to hash it, and one thread writes the digest.
      if (part.placement == 0) {
        SEALEDGE_ASSIGN(tensor.sealed.sha256, stream.digest());
      }
    }
    SEALEDGE_TRY(writer.pad_to(segment.length_bytes));
    SEALEDGE_ASSIGN(infos_[index + 1], writer.finish());
    return {};
  }

  Result<void> write_graph_segment() {
    SEALEDGE_ASSIGN(std::string graph, write_graph(*plan_));
    const bool changed = plan_->file.source->has_changed() ||
                         std::any_of(plan_->tensors.begin(), plan_->tensors.end(), [](const PlannedTensor& tensor) {
                           return tensor.record.source != nullptr && tensor.record.source->has_changed();
                         });
    if (changed || graph.size() != plan_->graph_length_bytes) {
      return Error{ErrorCode::kModelInvalid, "model changed while it was sealed"};
    }
    SEALEDGE_ASSIGN(SegmentWriter writer, SegmentWriter::create(target_.fd, offsets_[0], graph.size(),
                                                                SegmentKind::kGraph, kGraphLayoutByte, content_key_));
    SEALEDGE_TRY(writer.write({reinterpret_cast<uint8_t*>(graph.data()), graph.size()}));
    SEALEDGE_ASSIGN(infos_[0], writer.finish());
    return {};
  }

  SealPlan* plan_;
  const SealTarget& target_;
  std::span<const uint8_t, 32> content_key_;
  SealProgress* progress_;
  std::vector<uint64_t> offsets_;
  std::vector<SegmentInfo> infos_;
  std::mutex mutex_;
  std::optional<Error> error_;
};

}  // namespace

Result<std::vector<SegmentInfo>> write_segments(SealPlan* plan, const SealTarget& target,
                                                std::span<const uint8_t, 32> content_key, SealProgress* progress) {
  return Sealing(plan, target, content_key, progress).run();
}

}  // namespace sealedge
