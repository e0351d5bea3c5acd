#include "engine/input_overrides.h"

#include <algorithm>

#include "core/weight_packing.h"
#include "graph/passes/fold_constants.h"
#include "onnx/load_constants.h"

namespace sealedge {

namespace {

constexpr size_t kMaxVariants = 4;

// A copy of a constant that has every placement wanted. Weights were loaded as the graph without fed inputs reads them;
// what else is needed is laid out from that.
Result<std::shared_ptr<Constant>> completed(const Constant& constant, const std::vector<WeightPlacement>& wanted,
                                            ConstantStore* store) {
  auto copy = std::make_shared<Constant>();
  copy->fact = constant.fact;
  copy->data = constant.data;
  copy->store = store->shared();  // or data is the model's
  if (!copy->data && !constant.packed.empty()) {
    const Constant::Packed& packed = constant.packed[0];
    SEALEDGE_ASSIGN(const WeightGeometry geometry,
                    weight_geometry(packed.placement.layout, packed.placement.order, packed.placement.dims));
    SEALEDGE_ASSIGN(const size_t size_bytes, checked_size_bytes(constant.fact));
    SEALEDGE_ASSIGN(uint8_t* row_major, store->allocate(size_bytes));
    unpack_weight(geometry, packed.weight->panel(0, packed.weight->size_bytes(), 0), row_major);
    copy->data = row_major;
  }
  if (!copy->data) return Error{ErrorCode::kInternal, "a weight that only fed inputs need was not loaded"};
  for (const WeightPlacement& placement : wanted) {
    if (placement.layout == WeightLayout::kPlain) continue;
    SEALEDGE_ASSIGN(const WeightGeometry geometry, weight_geometry(placement.layout, placement.order, placement.dims));
    SEALEDGE_ASSIGN(uint8_t* packed, store->allocate(geometry.size_bytes));
    pack_weight(geometry, copy->data, packed);
    copy->packed.push_back({placement, std::make_unique<ResidentWeightSource>(packed, geometry.size_bytes)});
  }
  return copy;
}

bool has(const Constant& constant, const WeightPlacement& placement) {
  return placement.layout == WeightLayout::kPlain ? constant.data != nullptr : constant.find(placement) != nullptr;
}

Result<void> complete_constants(Graph* graph, ConstantStore* store) {
  SEALEDGE_ASSIGN(const WantedPlacements wanted, wanted_placements(*graph));
  std::map<const Constant*, std::shared_ptr<Constant>> replaced;
  for (Value& value : graph->values) {
    if (!value.constant) continue;
    const auto found = wanted.find(value.constant.get());
    if (found == wanted.end()) continue;
    const bool complete =
        std::all_of(found->second.begin(), found->second.end(),
                    [&](const WeightPlacement& placement) { return has(*value.constant, placement); });
    if (complete) continue;
    std::shared_ptr<Constant>& copy = replaced[value.constant.get()];
    if (!copy) {
      SEALEDGE_ASSIGN(copy, completed(*value.constant, found->second, store));
    }
    value.constant = copy;
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const Graph>> InputOverrides::bind(const std::vector<bool>& fed) const {
  auto store = std::make_shared<ConstantStore>(kind_, open_->limits.max_constant_bytes);
  auto graph = std::make_shared<Graph>(*open_);
  const size_t first = open_->inputs.size() - inputs_.size();
  graph->inputs.resize(first);
  for (size_t i = 0; i < fed.size(); ++i) {
    const ValueId id = open_->inputs[first + i];
    if (fed[i]) {
      graph->inputs.push_back(id);
    } else {
      graph->values[id].constant = defaults_[i];
      graph->values[id].fact = defaults_[i]->fact;
    }
  }
  SEALEDGE_TRY(fold_weights(graph.get(), store.get(), kInlineTensorBytes));
  SEALEDGE_TRY(complete_constants(graph.get(), store.get()));
  return std::shared_ptr<const Graph>(std::move(graph));
}

Result<std::shared_ptr<const Graph>> InputOverrides::graph_for(const std::vector<bool>& fed) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found =
      std::find_if(variants_.begin(), variants_.end(), [&](const Variant& variant) { return variant.fed == fed; });
  if (found != variants_.end()) {
    variants_.splice(variants_.begin(), variants_, found);
    return variants_.front().graph;
  }
  SEALEDGE_ASSIGN(std::shared_ptr<const Graph> graph, bind(fed));
  variants_.push_front({fed, graph});
  if (variants_.size() > kMaxVariants) variants_.pop_back();
  return graph;
}

}  // namespace sealedge
