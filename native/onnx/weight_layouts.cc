#include "onnx/weight_layouts.h"

#include <charconv>
#include <map>

#include "onnx/load_constants.h"

namespace sealedge {

namespace {

size_t ordinal_of(const TensorProto& tensor) {
  for (const auto& [key, value] : tensor.external_data) {
    size_t ordinal = 0;
    if (key == kTensorOrdinalKey &&
        std::from_chars(value.data(), value.data() + value.size(), ordinal).ec == std::errc()) {
      return ordinal;
    }
  }
  return SIZE_MAX;
}

}  // namespace

Result<std::vector<WeightLayouts>> decide_weight_layouts(std::span<const uint8_t> model_proto) {
  SEALEDGE_ASSIGN(const ModelProto model, parse_model(model_proto));
  // Only small constants are read, on a machine that is trusted with the model.
  ConstantStore store(ConstantStore::Kind::kOrdinary);
  SEALEDGE_ASSIGN(const ImportedModel imported, import_model(model, &store));
  std::map<size_t, std::vector<WeightPlacement>> by_source;
  SEALEDGE_ASSIGN(const WantedPlacements wanted, wanted_placements(imported.graph));
  for (const auto& [constant, placements] : wanted) {
    if (constant->source != SIZE_MAX) by_source.emplace(constant->source, placements);
  }
  std::vector<WeightLayouts> layouts;
  for (size_t source = 0; source < imported.sources.size(); ++source) {
    const TensorProto& tensor = *imported.sources[source];
    WeightLayouts entry{std::string(imported.source_names[source]), ordinal_of(tensor), {}};
    if (const auto found = by_source.find(source); found != by_source.end()) entry.placements = found->second;
    if (entry.placements.empty()) {
      entry.placements.push_back({WeightLayout::kPlain, WeightSourceOrder::kNone, tensor.dims});
    }
    layouts.push_back(std::move(entry));
  }
  return layouts;
}

}  // namespace sealedge
