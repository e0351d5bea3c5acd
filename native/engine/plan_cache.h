// The plans of a session, one per combination of input dims, made when first needed.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include "core/function_ref.h"
#include "core/result.h"
#include "engine/executor.h"
#include "graph/plan.h"

namespace sealedge {

class PlanCache {
 public:
  PlanCache(const Graph* model, DerivedConstants* derived, PlanOptions options, size_t max_plans)
      : model_(model), derived_(derived), options_(options), max_plans_(max_plans) {}

  // Thread-safe. Two threads that ask for new dims at once may both plan; one result is kept.
  Result<std::shared_ptr<FramePool>> get(const std::vector<TensorFact>& inputs);
  void clear();
  // visit must not call back.
  void for_each(FunctionRef<void(const Plan&)> visit);

 private:
  std::shared_ptr<FramePool> find(const std::vector<TensorFact>& inputs);

  const Graph* model_;
  DerivedConstants* derived_;
  const PlanOptions options_;
  const size_t max_plans_;
  std::mutex mutex_;
  std::list<std::shared_ptr<FramePool>> plans_;  // used last first
};

}  // namespace sealedge
