// Everything a session needs to run, and what release() frees.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "core/result.h"
#include "engine/input_overrides.h"
#include "engine/plan_cache.h"
#include "engine/session.h"
#include "graph/constant_store.h"
#include "graph/derived_constants.h"
#include "graph/graph.h"
#include "onnx/external_data.h"

namespace sealedge {

struct LoadedModel {
  LoadedModel(ConstantStore::Kind kind, const ModelLimits& limits)
      : store(kind, limits.max_constant_bytes), derived(&store) {}

  // `bytes` is a ModelProto; neither it nor external data is needed afterwards. When the model fixes all input dims it
  // is planned too, so that a model which cannot run is refused here.
  static Result<std::unique_ptr<LoadedModel>> load(std::span<const uint8_t> bytes, ExternalData* external,
                                                   ConstantStore::Kind kind, const SessionOptions& options);

  ConstantStore store;
  DerivedConstants derived;
  std::shared_ptr<const Graph> graph;
  std::vector<TensorMetadata> inputs;
  std::vector<TensorMetadata> outputs;
  size_t node_count = 0;
  size_t repacked_weights = 0;
  std::unique_ptr<InputOverrides> overrides;  // null: no initializer is an input too
  std::unique_ptr<PlanCache> plans;           // last: frames and plans point into the above
};

}  // namespace sealedge
