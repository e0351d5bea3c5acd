#include "sealing/sealed_graph.h"

#include "sealing/model_walk.h"
#include "sealing/onnx_fields.h"

namespace sealedge {
namespace {

Error invalid(const std::string& what) { return {ErrorCode::kModelInvalid, "sealed graph: " + what}; }

Result<void> check_placement(const Manifest& manifest, const TensorRecord& record, const SegmentPlacement& placement,
                             std::vector<std::optional<WeightLayout>>* layouts) {
  if (placement.segment >= manifest.segments.size()) return invalid("a placement names a segment that is not there");
  const uint64_t segment_length = manifest.segments[placement.segment].length_bytes;
  if (placement.offset_bytes > segment_length || placement.length_bytes > segment_length - placement.offset_bytes) {
    return invalid("a placement reaches past its segment");
  }
  SEALEDGE_ASSIGN(const uint64_t length, placed_length_bytes(placement, record.data_type, record.size_bytes));
  if (length != placement.length_bytes) return invalid("a placement does not have the length of its layout");
  auto& layout = (*layouts)[placement.segment - 1];
  if (layout.has_value() && *layout != placement.layout) return invalid("two layouts in one segment");
  layout = placement.layout;
  return {};
}

}  // namespace

Result<SealedGraph> read_sealed_graph(const SealedModel& model) {
  const Manifest& manifest = model.manifest();
  auto bytes = std::make_shared<std::vector<uint8_t>>(static_cast<size_t>(manifest.segments[0].length_bytes));
  SEALEDGE_TRY(model.load_graph_into(*bytes));
  SealedGraph graph;
  graph.bytes = bytes;
  std::vector<std::optional<WeightLayout>> layouts(manifest.segments.size() - 1);

  const auto visit = [&](const TensorRecord& record, size_t ordinal, TensorSite site, Rope* message) -> Result<void> {
    GraphTensor tensor{record, std::nullopt};
    if (record.external_data.empty()) {
      SEALEDGE_TRY(append_inline_data(record, message));
    } else {
      if (site == TensorSite::kInlineOnly) return invalid("a sealed tensor where none may be");
      SEALEDGE_ASSIGN(tensor.sealed, parse_sealed_tensor(record.external_data));
      for (const SegmentPlacement& placement : tensor.sealed->placements) {
        SEALEDGE_TRY(check_placement(manifest, record, placement, &layouts));
      }
      message->append_hole(onnx::kTensorRawData, record.size_bytes, ordinal);
    }
    graph.tensors.push_back(std::move(tensor));
    return {};
  };
  SEALEDGE_ASSIGN(graph.model, walk_model({std::make_shared<MemorySource>(*bytes), std::nullopt}, visit));
  for (const auto& layout : layouts) {
    if (!layout.has_value()) return invalid("a segment without a tensor");
    graph.layouts.push_back(*layout);
  }
  return graph;
}

}  // namespace sealedge
