#include "sealing/seal_plan.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "onnx/weight_layouts.h"

namespace sealedge {
namespace {

// Tensors below go together into segments of about the second size: a segment costs a page of padding in the file, an
// entry in the envelope, and its own pages and guards in secret memory.
constexpr uint64_t kGroupedTensorBytes = uint64_t{64} << 10;
constexpr uint64_t kGroupBytes = uint64_t{512} << 10;

uint64_t round_up(uint64_t n) {
  return (n + kWeightSegmentGranule - 1) / kWeightSegmentGranule * kWeightSegmentGranule;
}

using LayoutsByOrdinal = std::map<size_t, std::vector<WeightPlacement>>;  // of the tensors, in file order

// The answer of the importer's own code, so that the engine finds each weight as it wants it. Names need not tell
// tensors apart (two branches may use the same ones), so each says which one it is.
Result<LayoutsByOrdinal> wanted_layouts(const SealPlan& plan, std::string* unsupported) {
  SEALEDGE_ASSIGN(
      const Rope skeleton,
      walk_model(
          plan.file, [](const TensorRecord& record, size_t ordinal, TensorSite site, Rope* message) -> Result<void> {
            append_external_entries({{"location", "sealed"}, {kTensorOrdinalKey, std::to_string(ordinal)}}, message);
            if (record.size_bytes <= kInlineTensorBytes || site == TensorSite::kInlineOnly) {
              return append_inline_data(record, message);
            }
            mark_external(message);
            return {};
          }));
  const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(skeleton.bytes.data()), skeleton.bytes.size());
  auto decided = decide_weight_layouts(bytes);
  LayoutsByOrdinal by_ordinal;
  if (!decided.ok()) {
    // A model for another backend is sealed all the same, with every weight as it is.
    if (decided.error().code != ErrorCode::kOpUnsupported) return std::move(decided).error();
    *unsupported = decided.error().message;
    return by_ordinal;
  }
  // A function's tensor is read once per call.
  for (const WeightLayouts& weight : *decided) {
    std::vector<WeightPlacement>& placements = by_ordinal[weight.ordinal];
    for (const WeightPlacement& placement : weight.placements) {
      if (std::find(placements.begin(), placements.end(), placement) == placements.end()) {
        placements.push_back(placement);
      }
    }
  }
  return by_ordinal;
}

Result<std::vector<SegmentPlacement>> placements_of(const TensorRecord& record, size_t ordinal, TensorSite site,
                                                    const LayoutsByOrdinal& layouts) {
  std::vector<SegmentPlacement> out;
  if (record.size_bytes == 0 || record.dims.empty() || site == TensorSite::kInlineOnly) return out;
  const auto found = layouts.find(ordinal);
  if (found != layouts.end()) {
    for (const WeightPlacement& wanted : found->second) {
      out.push_back({.layout = wanted.layout, .order = wanted.order, .dims = wanted.dims});
    }
  }
  const bool plain_only = std::all_of(out.begin(), out.end(), [](const SegmentPlacement& placement) {
    return placement.layout == WeightLayout::kPlain;
  });
  if (plain_only && record.size_bytes <= kInlineTensorBytes) return std::vector<SegmentPlacement>{};
  if (plain_only) out = {{.dims = record.dims}};
  for (SegmentPlacement& placement : out) {
    if (placement.layout == WeightLayout::kPlain) placement.dims = record.dims;
    SEALEDGE_ASSIGN(placement.length_bytes, placed_length_bytes(placement, record.data_type, record.size_bytes));
    if (round_up(placement.length_bytes) > kMaxSegmentBytes) {
      return Error{ErrorCode::kLimitExceeded, "tensor " + record.name + " is larger than one segment can be"};
    }
  }
  return out;
}

// Puts every placement into a segment, grouping tensors below `grouped_bytes` of one layout.
void assign_segments(uint64_t grouped_bytes, uint64_t group_bytes, SealPlan* plan) {
  plan->segments.clear();
  std::array<std::optional<size_t>, std::size(kWeightLayoutNames)> open_group;
  for (size_t t = 0; t < plan->tensors.size(); ++t) {
    auto& placements = plan->tensors[t].sealed.placements;
    for (size_t p = 0; p < placements.size(); ++p) {
      SegmentPlacement& placement = placements[p];
      const uint64_t size = round_up(placement.length_bytes);
      auto& group = open_group[static_cast<size_t>(placement.layout)];
      const bool small = size < grouped_bytes;
      size_t index = plan->segments.size();
      if (small && group.has_value() && plan->segments[*group].length_bytes + size <= group_bytes) {
        index = *group;
      } else {
        plan->segments.emplace_back().layout = placement.layout;
        if (small) group = index;
      }
      PlannedSegment& segment = plan->segments[index];
      placement.segment = index + 1;
      placement.offset_bytes = segment.length_bytes;
      segment.length_bytes += size;
      segment.parts.push_back({t, p});
    }
  }
}

}  // namespace

Result<SealPlan> plan_seal(const std::string& model_path) {
  SealPlan plan;
  SEALEDGE_ASSIGN(plan.file, open_model_file(model_path));
  SEALEDGE_ASSIGN(const LayoutsByOrdinal layouts, wanted_layouts(plan, &plan.unsupported));

  const auto visit = [&](const TensorRecord& record, size_t ordinal, TensorSite site, Rope*) -> Result<void> {
    PlannedTensor tensor{record, {}};
    tensor.sealed.sha256.fill(0);
    SEALEDGE_ASSIGN(tensor.sealed.placements, placements_of(record, ordinal, site, layouts));
    plan.tensor_bytes += record.size_bytes;
    plan.tensors.push_back(std::move(tensor));
    return {};
  };
  SEALEDGE_TRY(walk_model(plan.file, visit));

  uint64_t grouped_bytes = kGroupedTensorBytes;
  uint64_t group_bytes = kGroupBytes;
  do {
    assign_segments(grouped_bytes, group_bytes, &plan);
    grouped_bytes *= 2;
    group_bytes *= 2;
  } while (plan.segments.size() >= kMaxSegments && group_bytes < kMaxSegmentBytes);
  if (plan.segments.size() >= kMaxSegments) {
    return Error{ErrorCode::kLimitExceeded, "model has too many tensors for one sealed file"};
  }
  SEALEDGE_ASSIGN(const std::string graph, write_graph(plan));
  plan.graph_length_bytes = graph.size();
  return plan;
}

Result<std::string> write_graph(const SealPlan& plan) {
  const auto visit = [&](const TensorRecord& record, size_t ordinal, TensorSite, Rope* message) -> Result<void> {
    if (ordinal >= plan.tensors.size()) return Error{ErrorCode::kModelInvalid, "model changed while it was sealed"};
    const SealedTensor& sealed = plan.tensors[ordinal].sealed;
    if (sealed.placements.empty()) return append_inline_data(record, message);
    append_external_data(format_sealed_tensor(sealed), message);
    return {};
  };
  SEALEDGE_ASSIGN(Rope graph, walk_model(plan.file, visit));
  if (graph.bytes.empty()) return Error{ErrorCode::kModelInvalid, "model is empty"};
  return std::move(graph.bytes);
}

}  // namespace sealedge
