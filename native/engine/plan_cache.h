// The plans of a session: of the model, of the bodies of its loops and branches, and of what stages leave over. One per
// graph and combination of input dims, made when first needed.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "core/function_ref.h"
#include "core/result.h"
#include "engine/executor.h"
#include "engine/run_value.h"
#include "graph/plan.h"

namespace sealedge {

class PlanCache {
 public:
  // max_plans: of one graph. 32 times as many are kept of all graphs together, as long as these are not too large.
  PlanCache(DerivedConstants* derived, PlanOptions options, size_t max_plans)
      : derived_(derived), options_(options), max_plans_(max_plans) {}

  // Small inputs whose elements decide over shapes (a Reshape's shape, a trip count) are part of what a plan is made
  // for, once planning has asked for them; not any more when they keep changing, because then each run would plan:
  // what reads them becomes an interlude. Inputs without data are not there yet (a model is planned when loaded),
  // and what the run itself has computed is taken by its dims alone.
  // Thread-safe. Two threads that ask for new dims at once may both plan; one result is kept.
  // context: of a graph that is a stage's.
  Result<std::shared_ptr<FramePool>> get(const std::shared_ptr<const Graph>& graph, std::span<const RunValue> inputs,
                                         const StageContext& context = {});

  // A plan of one use: an interlude's, for the elements of these very inputs.
  Result<std::shared_ptr<const Plan>> plan_interlude(const std::shared_ptr<const Graph>& graph,
                                                     std::span<const RunValue> inputs);

  // visit must not call back.
  void for_each(FunctionRef<void(const Plan&)> visit);

  const PlanOptions& options() const { return options_; }
  // Of all runs of the session.
  const std::shared_ptr<ActivationMeter>& meter() const { return meter_; }

 private:
  struct InputUse {
    bool wanted = false;
    unsigned changes = 0;  // plans made because the elements were others than before
  };
  struct Entry {
    std::shared_ptr<FramePool> frames;
    size_t size = 0;  // steps, and nodes and values of what is left
    uint64_t last_used = 0;
  };
  struct GraphPlans {
    std::shared_ptr<const Graph> graph;  // its address stays taken
    std::vector<InputUse> inputs;
    std::list<Entry> plans;
  };

  GraphPlans& plans_of(const std::shared_ptr<const Graph>& graph);
  std::vector<bool> offer(const GraphPlans& plans, std::span<const RunValue> inputs) const;
  std::shared_ptr<FramePool> find(GraphPlans* plans, std::span<const RunValue> inputs,
                                  const std::vector<bool>& offered);
  void count_changes(GraphPlans* plans, const Plan& made);
  void add(GraphPlans* plans, std::shared_ptr<FramePool> frames);
  void drop(GraphPlans* plans, std::list<Entry>::iterator entry);
  void evict_oldest();

  DerivedConstants* derived_;
  const PlanOptions options_;
  const std::shared_ptr<ActivationMeter> meter_ = std::make_shared<ActivationMeter>();
  const size_t max_plans_;
  std::mutex mutex_;
  std::unordered_map<const Graph*, GraphPlans> graphs_;
  size_t plan_count_ = 0;
  size_t plan_size_ = 0;
  uint64_t clock_ = 0;
};

}  // namespace sealedge
