#include "onnx/load_constants.h"

#include <algorithm>
#include <cstring>

#include "core/weight_packing.h"
#include "graph/plan.h"
#include "onnx/tensor_data.h"

namespace sealedge {

namespace {

class Loader {
 public:
  Loader(const TensorProto& tensor, Constant* constant, ExternalData* external, ConstantStore* store,
         LoadStatistics* statistics)
      : tensor_(tensor), constant_(constant), external_(external), store_(store), statistics_(statistics) {}

  Result<void> load(const WeightPlacement& placement) {
    if (placement.layout == WeightLayout::kPlain) {
      if (constant_->data) return {};
      SEALEDGE_ASSIGN(constant_->data, load_row_major(store_));
      return {};
    }
    SEALEDGE_ASSIGN(const WeightGeometry geometry, weight_geometry(placement.layout, placement.order, placement.dims));
    const uint8_t* packed = nullptr;
    if (tensor_.external) {
      SEALEDGE_ASSIGN(packed, external_->packed(tensor_, placement, geometry.size_bytes, store_));
      if (!packed) ++statistics_->repacked_weights;
    }
    if (!packed) {
      SEALEDGE_ASSIGN(packed, pack(geometry));
    }
    constant_->packed.push_back({placement, std::make_unique<ResidentWeightSource>(packed, geometry.size_bytes)});
    return {};
  }

 private:
  Result<const uint8_t*> load_row_major(ConstantStore* store) {
    SEALEDGE_ASSIGN(const size_t size_bytes, checked_size_bytes(constant_->fact));
    const size_t stored_bytes = stored_size_bytes(constant_->fact.type, size_bytes);
    if (tensor_.external) return load_external(size_bytes, stored_bytes, store);
    // Before allocating: a few bytes of file can claim to be a large tensor.
    if (tensor_.has_raw_data ? tensor_.raw_data.size() != stored_bytes : tensor_.message.size() < stored_bytes / 8) {
      return Error{ErrorCode::kModelInvalid, "tensor '" + printable(tensor_.name) + "': expected " +
                                                 std::to_string(stored_bytes) + " bytes of data"};
    }
    SEALEDGE_ASSIGN(uint8_t* data, store->allocate(size_bytes));
    SEALEDGE_TRY(decode_tensor(tensor_, {data, size_bytes}));
    return static_cast<const uint8_t*>(data);
  }

  Result<const uint8_t*> load_external(size_t size_bytes, size_t stored_bytes, ConstantStore* store) {
    const DataType type = constant_->fact.type;
    if (data_type_packed_bits(type) == 0) return external_->row_major(tensor_, size_bytes, store);
    SEALEDGE_ASSIGN(const uint8_t* stored, external_->row_major(tensor_, stored_bytes, store));
    SEALEDGE_ASSIGN(uint8_t* data, store->allocate(size_bytes));
    unpack_elements(type, {stored, stored_bytes}, {data, size_bytes});
    return static_cast<const uint8_t*>(data);
  }

  Result<const uint8_t*> pack(const WeightGeometry& geometry) {
    // The row-major copy is needed for this call only, so it goes into a store of its own; but the segments that a
    // sealed model's data brings in are kept for the tensors beside it, and must stay.
    ConstantStore temporary(store_->kind());
    ConstantStore* row_major_store = store_->kind() == ConstantStore::Kind::kSecret ? store_ : &temporary;
    const uint8_t* row_major = constant_->data;
    if (!row_major) {
      SEALEDGE_ASSIGN(row_major, load_row_major(row_major_store));
    }
    SEALEDGE_ASSIGN(uint8_t* packed, store_->allocate(geometry.size_bytes));
    pack_weight(geometry, row_major, packed);
    return static_cast<const uint8_t*>(packed);
  }

  const TensorProto& tensor_;
  Constant* constant_;
  ExternalData* external_;
  ConstantStore* store_;
  LoadStatistics* statistics_;
};

}  // namespace

Result<WantedPlacements> wanted_placements(const Graph& model) {
  WantedPlacements wanted;
  bool too_many = false;
  auto want = [&](const Graph& graph, ValueId id, WeightPlacement placement) {
    std::vector<WeightPlacement>& placements = wanted[graph.values[id].constant.get()];
    if (std::find(placements.begin(), placements.end(), placement) != placements.end()) return;
    too_many |= placements.size() == kMaxPlacements;
    if (!too_many) placements.push_back(std::move(placement));
  };
  for_each_graph(model, [&](const Graph& graph) {
    for (const Node& node : graph.nodes) {
      for (size_t i = 0; i < node.inputs.size(); ++i) {
        if (node.inputs[i] == kNoValue || !graph.values[node.inputs[i]].constant) continue;
        want(graph, node.inputs[i], wanted_placement(graph, node, i));
      }
    }
    for (ValueId id : graph.outputs) {
      if (graph.values[id].constant)
        want(graph, id, {WeightLayout::kPlain, WeightSourceOrder::kNone, graph.values[id].constant->fact.dims});
    }
  });
  if (too_many) {
    return Error{ErrorCode::kLimitExceeded,
                 "a weight is wanted in more than " + std::to_string(kMaxPlacements) + " layouts"};
  }
  return wanted;
}

Result<LoadStatistics> load_constants(ImportedModel* model, ExternalData* external, ConstantStore* store) {
  LoadStatistics statistics;
  SEALEDGE_ASSIGN(const WantedPlacements wanted, wanted_placements(model->graph));
  std::map<const Constant*, std::shared_ptr<Constant>> constants;
  for_each_graph(model->graph, [&](const Graph& graph) {
    for (const Value& value : graph.values) {
      if (value.constant) constants.emplace(value.constant.get(), value.constant);
    }
  });
  // In file order, so that reading goes forward.
  std::vector<Constant*> order;
  for (const auto& [key, constant] : constants) {
    if (wanted.contains(key)) order.push_back(constant.get());
  }
  std::sort(order.begin(), order.end(), [](const Constant* a, const Constant* b) { return a->source < b->source; });
  for (Constant* constant : order) {
    // What was computed at import has no TensorProto, but its contents.
    static const TensorProto kComputed;
    const TensorProto& tensor = constant->source == SIZE_MAX ? kComputed : *model->sources[constant->source];
    Loader loader(tensor, constant, external, store, &statistics);
    for (const WeightPlacement& placement : wanted.at(constant)) SEALEDGE_TRY(loader.load(placement));
  }
  return statistics;
}

}  // namespace sealedge
