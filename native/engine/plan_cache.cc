#include "engine/plan_cache.h"

#include <algorithm>
#include <cstring>

#include "graph/passes/infer_shapes.h"

namespace sealedge {

namespace {

constexpr size_t kMaxGraphs = 32;                 // times max_plans: plans of all graphs
constexpr size_t kMaxPlanSize = size_t{1} << 22;  // steps, nodes and values in all of them, a few hundred bytes each
constexpr unsigned kMaxChanges = 8;               // of one input's elements, each of which cost a plan
constexpr size_t kMaxPlanningRounds = 8;          // each has one more input's elements than the one before

size_t size_of_plan(const Plan& plan) {
  return plan.steps.size() + (plan.rest ? plan.rest->nodes.size() + plan.rest->values.size() : 0);
}

size_t size_of(const TensorFact& fact) {
  return static_cast<size_t>(element_count(fact.dims)) * data_type_size_bytes(fact.type);
}

bool same_facts(const PlannedInput& planned, const RunValue& input) {
  return planned.fact.dims == input.fact.dims && planned.fact.type == input.fact.type && planned.secret == input.secret;
}

std::vector<PlanInput> plan_inputs(std::span<const RunValue> inputs, const std::vector<bool>& offered) {
  std::vector<PlanInput> planned;
  planned.reserve(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    const bool given = !offered.empty() && offered[i];
    planned.push_back({inputs[i].fact, given ? inputs[i].data : nullptr, false, inputs[i].secret});
  }
  return planned;
}

}  // namespace

PlanCache::GraphPlans& PlanCache::plans_of(const std::shared_ptr<const Graph>& graph) {
  GraphPlans& plans = graphs_[graph.get()];
  if (!plans.graph) {
    plans.graph = graph;
    plans.inputs.resize(graph->inputs.size());
  }
  return plans;
}

// Which inputs' elements a plan is to be made for. Empty: none.
std::vector<bool> PlanCache::offer(const GraphPlans& plans, std::span<const RunValue> inputs) const {
  std::vector<bool> offered;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const InputUse& use = plans.inputs[i];
    if (!use.wanted || use.changes > kMaxChanges || inputs[i].computed || !inputs[i].data) continue;
    const auto size = checked_size_bytes(inputs[i].fact);
    if (!size.ok() || *size > kPlanContentBytes) continue;
    offered.resize(inputs.size(), false);
    offered[i] = true;
  }
  return offered;
}

std::shared_ptr<FramePool> PlanCache::find(GraphPlans* plans, std::span<const RunValue> inputs,
                                           const std::vector<bool>& offered) {
  for (Entry& entry : plans->plans) {
    const std::vector<PlannedInput>& planned = entry.frames->plan().inputs;
    bool fits = true;
    for (size_t i = 0; fits && i < inputs.size(); ++i) {
      const bool given = !offered.empty() && offered[i];
      fits = same_facts(planned[i], inputs[i]) && given == (planned[i].contents != nullptr) &&
             (!given || std::memcmp(planned[i].contents->data, inputs[i].data, size_of(inputs[i].fact)) == 0);
    }
    if (!fits) continue;
    entry.last_used = ++clock_;
    return entry.frames;
  }
  return nullptr;
}

// The plan made last for the same dims shows which elements are new.
void PlanCache::count_changes(GraphPlans* plans, const Plan& made) {
  for (const Entry& entry : plans->plans) {
    const std::vector<PlannedInput>& before = entry.frames->plan().inputs;
    const bool same_dims =
        std::equal(before.begin(), before.end(), made.inputs.begin(), made.inputs.end(),
                   [](const PlannedInput& a, const PlannedInput& b) { return a.fact.dims == b.fact.dims; });
    if (!same_dims) continue;
    for (size_t i = 0; i < before.size(); ++i) {
      const auto& a = before[i].contents;
      const auto& b = made.inputs[i].contents;
      if (a && b && std::memcmp(a->data, b->data, size_of(a->fact)) != 0) ++plans->inputs[i].changes;
    }
    return;
  }
}

void PlanCache::for_each(FunctionRef<void(const Plan&)> visit) {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& [graph, plans] : graphs_) {
    for (const Entry& entry : plans.plans) visit(entry.frames->plan());
  }
}

void PlanCache::drop(GraphPlans* plans, std::list<Entry>::iterator entry) {
  --plan_count_;
  plan_size_ -= entry->size;
  plans->plans.erase(entry);
}

void PlanCache::evict_oldest() {
  GraphPlans* oldest_plans = nullptr;
  std::list<Entry>::iterator oldest;
  for (auto& [graph, plans] : graphs_) {
    for (auto at = plans.plans.begin(); at != plans.plans.end(); ++at) {
      if (oldest_plans && oldest->last_used < at->last_used) continue;
      oldest_plans = &plans;
      oldest = at;
    }
  }
  if (oldest_plans) drop(oldest_plans, oldest);
}

void PlanCache::add(GraphPlans* plans, std::shared_ptr<FramePool> frames) {
  const size_t size = size_of_plan(frames->plan());
  plans->plans.push_front({std::move(frames), size, ++clock_});
  ++plan_count_;
  plan_size_ += size;
  if (plans->plans.size() > max_plans_) {
    drop(plans, std::min_element(plans->plans.begin(), plans->plans.end(),
                                 [](const Entry& a, const Entry& b) { return a.last_used < b.last_used; }));
  }
  while (plan_count_ > max_plans_ * kMaxGraphs || (plan_size_ > kMaxPlanSize && plan_count_ > 1)) evict_oldest();
  // A graph that only a plan knew of, and that plan is gone.
  std::erase_if(graphs_, [&](const auto& item) {
    return &item.second != plans && item.second.plans.empty() && item.second.graph.use_count() == 1;
  });
}

Result<std::shared_ptr<FramePool>> PlanCache::get(const std::shared_ptr<const Graph>& graph,
                                                  std::span<const RunValue> inputs, const StageContext& context) {
  const StageContext known{context.whole ? context.whole : graph, context.constants};
  std::vector<bool> offered;
  for (size_t round = 0;; ++round) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      GraphPlans& plans = plans_of(graph);
      offered = offer(plans, inputs);
      if (auto found = find(&plans, inputs, offered)) return found;
    }
    SEALEDGE_ASSIGN(std::shared_ptr<const Plan> plan,
                    make_plan(*graph, plan_inputs(inputs, offered), derived_, options_, known));
    const std::lock_guard<std::mutex> lock(mutex_);
    GraphPlans& plans = plans_of(graph);
    for (size_t i : plan->wanted_inputs) plans.inputs[i].wanted = true;
    if (round < kMaxPlanningRounds && offer(plans, inputs) != offered) continue;
    if (auto found = find(&plans, inputs, offered)) return found;
    count_changes(&plans, *plan);
    auto frames =
        std::make_shared<FramePool>(std::move(plan), options_.constants == ConstantStore::Kind::kSecret, meter_);
    add(&plans, frames);
    return frames;
  }
}

Result<std::shared_ptr<const Plan>> PlanCache::plan_interlude(const std::shared_ptr<const Graph>& graph,
                                                              std::span<const RunValue> inputs) {
  const Node& node = graph->nodes[0];
  std::vector<PlanInput> planned = plan_inputs(inputs, {});
  for (size_t i = 0; i < inputs.size(); ++i) {
    for (size_t j = 0; j < node.inputs.size(); ++j) {
      if (node.inputs[j] != graph->inputs[i] || !node.op->needs_contents(j)) continue;
      planned[i].data = inputs[i].data;
      // The caller's memory may change under us, and operators read shapes and axes more than once while planning. What
      // is larger is read element by element (NonZero, Compress ...) by operators that expect it to change.
      planned[i].outlives_plan = inputs[i].owner != nullptr || size_of(inputs[i].fact) > kPlanConstantBytes;
    }
  }
  SEALEDGE_ASSIGN(std::shared_ptr<const Plan> plan,
                  make_plan(*graph, planned, derived_, options_, {graph, nullptr, true}));
  if (!plan->is_stage) return plan;
  return Error{ErrorCode::kInternal, describe_node(node) + ": elements of an input are missing"};
}

}  // namespace sealedge
