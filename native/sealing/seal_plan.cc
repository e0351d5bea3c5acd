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

using LayoutsByName = std::map<std::string, std::vector<WeightPlacement>, std::less<>>;

// The answer of the importer's own code, so that the engine finds each weight as it wants it.
Result<LayoutsByName> wanted_layouts(const SealPlan& plan, std::string* unsupported) {
  SEALEDGE_ASSIGN(
      const Rope skeleton,
      walk_model(plan.file, [](const TensorRecord& record, size_t, TensorSite, Rope* message) -> Result<void> {
        if (record.size_bytes <= kInlineTensorBytes) return append_inline_data(record, message);
        append_external_data({{"location", "sealed"}}, message);
        return {};
      }));
  const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(skeleton.bytes.data()), skeleton.bytes.size());
  auto decided = decide_weight_layouts(bytes);
  LayoutsByName by_name;
  if (!decided.ok()) {
    // A model for another backend is sealed all the same, with every weight as it is.
    if (decided.error().code != ErrorCode::kOpUnsupported) return std::move(decided).error();
    *unsupported = decided.error().message;
    return by_name;
  }
  for (WeightLayouts& weight : *decided) by_name.emplace(std::move(weight.name), std::move(weight.placements));
  return by_name;
}

Result<std::vector<SegmentPlacement>> placements_of(const TensorRecord& record, TensorSite site,
                                                    const LayoutsByName& layouts) {
  std::vector<SegmentPlacement> out;
  if (record.size_bytes == 0 || record.dims.empty() || site == TensorSite::kInlineOnly) return out;
  const auto found = site == TensorSite::kMainGraph ? layouts.find(record.name) : layouts.end();
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
  std::array<std::optional<size_t>, 3> open_group;
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
  SEALEDGE_ASSIGN(const LayoutsByName layouts, wanted_layouts(plan, &plan.unsupported));

  const auto visit = [&](const TensorRecord& record, size_t, TensorSite site, Rope*) -> Result<void> {
    PlannedTensor tensor{record, {}};
    tensor.sealed.sha256.fill(0);
    SEALEDGE_ASSIGN(tensor.sealed.placements, placements_of(record, site, layouts));
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
