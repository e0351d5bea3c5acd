// Runs a graph: stage after stage, with interludes between them (graph/plan.h).
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "core/result.h"
#include "engine/plan_cache.h"
#include "engine/run_value.h"

namespace sealedge {

// What a run took, for reports: of the model's own graph, all stages of it.
struct RunFootprint {
  size_t arena_bytes = 0;
  size_t steps = 0;
  bool in_stages = false;
};

// What all graphs of one run share.
struct GraphRunner {
  PlanCache* plans;
  ModelLimits limits;
  RunSettings settings;

  // The outputs, which keep the memory that they lie in. One input per graph input.
  Result<std::vector<RunValue>> run(std::shared_ptr<const Graph> graph, std::vector<RunValue> inputs,
                                    RunFootprint* footprint = nullptr) const;

  bool sealed() const { return plans->options().constants == ConstantStore::Kind::kSecret; }
  // Memory for a value that none of the plans has a place for.
  Result<std::shared_ptr<RunBuffer>> allocate(size_t size_bytes, bool secret) const;
};

}  // namespace sealedge
