#include "sealing/unseal.h"

#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "core/weight_packing.h"
#include "sealing/file_writer.h"
#include "sealing/sealed_graph.h"

namespace sealedge {
namespace {

// protobuf's limit for one message.
constexpr uint64_t kMaxModelBytes = (uint64_t{1} << 31) - 1;
// Segments that several tensors share are kept for the next one, up to this size and number.
constexpr uint64_t kCachedSegmentBytes = uint64_t{8} << 20;
constexpr size_t kCachedSegments = 8;

class Unsealing {
 public:
  Unsealing(const SealedModel& model, const SealedGraph& graph) : model_(model), graph_(graph) {}

  Result<void> write(int fd) {
    uint64_t written = 0;
    size_t position = 0;
    const std::span<const uint8_t> literal(reinterpret_cast<const uint8_t*>(graph_.model.bytes.data()),
                                           graph_.model.bytes.size());
    const auto put = [&](std::span<const uint8_t> bytes) -> Result<void> {
      if (fd >= 0) SEALEDGE_TRY(write_at(fd, written, bytes));
      written += bytes.size();
      return {};
    };
    for (const Rope::Hole& hole : graph_.model.holes) {
      SEALEDGE_TRY(put(literal.subspan(position, hole.position - position)));
      position = hole.position;
      SEALEDGE_ASSIGN(const std::vector<uint8_t> data, tensor_data(graph_.tensors[hole.tensor]));
      SEALEDGE_TRY(put(data));
    }
    return put(literal.subspan(position));
  }

 private:
  // The elements, row-major, after every placement has been held against the digest.
  Result<std::vector<uint8_t>> tensor_data(const GraphTensor& tensor) {
    std::vector<uint8_t> data;
    for (const SegmentPlacement& placement : tensor.sealed->placements) {
      SEALEDGE_ASSIGN(const auto segment, load(placement));
      const auto placed = std::span<const uint8_t>(*segment).subspan(static_cast<size_t>(placement.offset_bytes),
                                                                     static_cast<size_t>(placement.length_bytes));
      SEALEDGE_ASSIGN(data, to_row_major(placement, placed, tensor.record.size_bytes));
      SEALEDGE_ASSIGN(const Sha256Digest digest, sha256(data));
      if (digest != tensor.sealed->sha256) {
        return Error{ErrorCode::kModelInvalid,
                     "tensor " + tensor.record.name + ": its data does not have the digest of the graph"};
      }
    }
    return data;
  }

  static Result<std::vector<uint8_t>> to_row_major(const SegmentPlacement& placement, std::span<const uint8_t> placed,
                                                   uint64_t raw_bytes) {
    if (placement.layout == WeightLayout::kPlain) return std::vector<uint8_t>(placed.begin(), placed.end());
    SEALEDGE_ASSIGN(const WeightGeometry geometry, weight_geometry(placement.layout, placement.order, placement.dims));
    std::vector<uint8_t> out(static_cast<size_t>(raw_bytes));
    unpack_weight(geometry, placed.data(), out.data());
    return out;
  }

  Result<std::shared_ptr<const std::vector<uint8_t>>> load(const SegmentPlacement& placement) {
    const auto cached = cache_.find(placement.segment);
    if (cached != cache_.end()) return cached->second;
    const uint64_t length = model_.manifest().segments[placement.segment].length_bytes;
    auto segment = std::make_shared<std::vector<uint8_t>>(static_cast<size_t>(length));
    SEALEDGE_TRY(model_.load_segment_into(placement.segment, placement.layout, *segment));
    std::shared_ptr<const std::vector<uint8_t>> loaded = std::move(segment);
    if (length <= kCachedSegmentBytes) {
      // Tensors come in the order of their segments: the lowest is the one no longer needed.
      if (cache_.size() == kCachedSegments) cache_.erase(cache_.begin());
      cache_.emplace(placement.segment, loaded);
    }
    return loaded;
  }

  const SealedModel& model_;
  const SealedGraph& graph_;
  std::map<size_t, std::shared_ptr<const std::vector<uint8_t>>> cache_;
};

}  // namespace

Result<UnsealReport> unseal_model(const SealedModel& model, int fd) {
  SEALEDGE_ASSIGN(const SealedGraph graph, read_sealed_graph(model));
  UnsealReport report;
  report.tensors = graph.tensors.size();
  report.sealed_tensors = graph.model.holes.size();
  report.model_bytes = graph.model.size_bytes();
  if (fd >= 0 && report.model_bytes > kMaxModelBytes) {
    return Error{ErrorCode::kLimitExceeded, "unsealed model would be larger than the 2 GiB of one protobuf message"};
  }
  SEALEDGE_TRY(Unsealing(model, graph).write(fd));
  return report;
}

}  // namespace sealedge
