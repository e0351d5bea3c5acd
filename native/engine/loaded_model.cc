#include "engine/loaded_model.h"

#include <algorithm>

#include "core/thread_pool.h"
#include "engine/leak_for_testing.h"
#include "onnx/derive_weights.h"
#include "onnx/load_constants.h"

namespace sealedge {

namespace {

TensorMetadata metadata_of(const ValueInfoProto& info) {
  TensorMetadata metadata;
  metadata.name = info.name;
  if (info.elem_type > 0 && info.elem_type < 256) metadata.type = static_cast<DataType>(info.elem_type);
  metadata.has_shape = info.has_shape;
  for (const ValueInfoProto::Dim& dim : info.dims) metadata.dims.push_back({dim.value, std::string(dim.symbol)});
  return metadata;
}

bool has_fixed_dims(const TensorMetadata& metadata) {
  return metadata.has_shape &&
         std::all_of(metadata.dims.begin(), metadata.dims.end(), [](const DimMetadata& dim) { return dim.value >= 0; });
}

// Also when no run will ever feed one: the file is gone afterwards. It holds no weights of its own.
Result<void> keep_overridable_inputs(LoadedModel* model, const ModelProto& proto, const ImportedModel& imported,
                                     const ModelLimits& limits) {
  if (imported.overridable.empty()) return {};
  auto open = import_open_graph(proto, imported, &model->store, limits);
  // Some are needed while a model is read (a position in a sequence): such a model runs with its defaults only.
  if (!open.ok() && open.error().code == ErrorCode::kOpUnsupported) return {};
  SEALEDGE_TRY(open);
  std::vector<TensorMetadata> inputs;
  std::vector<std::shared_ptr<Constant>> defaults;
  for (const OverridableInput& input : imported.overridable) {
    inputs.push_back(metadata_of(input.info));
    defaults.push_back(imported.constants[input.source]);
    // What it may be fed is at least what it is.
    inputs.back().type = defaults.back()->fact.type;
  }
  model->overrides = std::make_unique<InputOverrides>(std::make_shared<const Graph>(std::move(*open)),
                                                      std::move(inputs), std::move(defaults), model->store.kind());
  return {};
}

// What the outputs are, when that is the same for every run.
Result<void> plan_fixed_dims(LoadedModel* model) {
  std::vector<RunValue> inputs;
  for (const TensorMetadata& input : model->inputs) {
    if (!has_fixed_dims(input)) return {};
    inputs.push_back({{input.type, {}}});
    for (const DimMetadata& dim : input.dims) inputs.back().fact.dims.push_back(dim.value);
  }
  SEALEDGE_ASSIGN(const std::shared_ptr<FramePool> frames, model->plans->get(model->graph, inputs));
  if (frames->plan().is_stage) return {};  // the rest depends on what is fed
  for (size_t i = 0; i < model->outputs.size(); ++i) {
    const TensorFact& fact = frames->plan().outputs[i].fact;
    TensorMetadata& output = model->outputs[i];
    output.type = fact.type;
    output.has_shape = true;
    output.dims.clear();
    for (int64_t dim : fact.dims) output.dims.push_back({dim, {}});
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<LoadedModel>> LoadedModel::load(std::span<const uint8_t> bytes, ExternalData* external,
                                                       ConstantStore::Kind kind, const SessionOptions& options) {
  SEALEDGE_ASSIGN(const ModelProto proto, parse_model(bytes, options.limits));
  auto model = std::make_unique<LoadedModel>(kind, options.limits);
  SEALEDGE_ASSIGN(ImportedModel imported, import_model(proto, &model->store, options.limits));
  SEALEDGE_ASSIGN(const LoadStatistics statistics, load_constants(&imported, external, &model->store));
  SEALEDGE_TRY(keep_overridable_inputs(model.get(), proto, imported, options.limits));
  SEALEDGE_TRY(derive_weights(&imported.graph, &model->store));
  model->graph = std::make_shared<const Graph>(std::move(imported.graph));
  model->node_count = proto.graph.nodes.size();
  model->repacked_weights = statistics.repacked_weights;
  for (const ValueInfoProto& info : imported.inputs) model->inputs.push_back(metadata_of(info));
  for (const ValueInfoProto& info : imported.outputs) model->outputs.push_back(metadata_of(info));
  if (kind == ConstantStore::Kind::kSecret) leak_weights_for_testing(*model->graph);

  PlanOptions plan_options;
  plan_options.constants = kind;
  plan_options.threads = options.pool ? options.pool->slot_count() : 1;
  model->plans = std::make_unique<PlanCache>(&model->derived, plan_options, options.max_cached_plans);
  SEALEDGE_TRY(plan_fixed_dims(model.get()));
  return model;
}

}  // namespace sealedge
