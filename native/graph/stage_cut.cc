#include "graph/stage_cut.h"

#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace sealedge {

namespace {

// Constants that were computed while planning a stage are read by later ones.
struct KeptStores {
  std::shared_ptr<const void> before;
  std::shared_ptr<ConstantStore> store;
};

class StageCut {
 public:
  StageCut(Graph* graph, Plan* plan)
      : graph_(graph), plan_(plan), keep_(std::make_shared<KeptStores>(KeptStores{graph->keep, plan->constants})) {}

  void run(Unplanned unplanned) {
    plan_->wanted_inputs = std::move(unplanned.wanted_inputs);
    const std::vector<ValueId> outputs = std::exchange(graph_->outputs, {});
    for (Node& node : unplanned.interludes) add_interlude(std::move(node));

    auto rest = std::make_shared<Graph>();
    rest->keep = keep_;
    rest->limits = graph_->limits;
    rest_ = rest.get();
    for (const Node& node : unplanned.rest) {
      for (ValueId id : node.outputs) {
        if (id != kNoValue) made_in_rest_.insert(id);
      }
    }
    for (Node& node : unplanned.rest) {
      for (ValueId& id : node.inputs) id = in_rest(id);
      for (ValueId& id : node.outputs) id = in_rest(id);
      rest->nodes.push_back(std::move(node));
    }
    for (ValueId id : outputs) rest->outputs.push_back(in_rest(id));
    plan_->rest = std::move(rest);
  }

 private:
  // The value as an output of the stage.
  size_t carried(ValueId id) {
    const auto [found, added] = carried_.try_emplace(id, graph_->outputs.size());
    if (added) graph_->outputs.push_back(id);
    return found->second;
  }

  // What is known of a value before it is made: its name, and everything if it is a constant.
  Value copy_of(ValueId id) const {
    Value copy;
    copy.name = graph_->values[id].name;
    if (graph_->values[id].constant) {
      copy.constant = graph_->values[id].constant;
      copy.fact = graph_->values[id].fact;
    }
    return copy;
  }

  void add_interlude(Node node) {
    auto alone = std::make_shared<Graph>();
    alone->keep = keep_;
    alone->limits = graph_->limits;
    Interlude interlude;
    std::unordered_map<ValueId, ValueId> placed;
    for (ValueId& id : node.inputs) {
      if (id == kNoValue) continue;
      const auto [found, added] = placed.try_emplace(id, static_cast<ValueId>(alone->values.size()));
      if (added) {
        alone->add_value(copy_of(id));
        if (!graph_->values[id].constant) {
          alone->inputs.push_back(found->second);
          interlude.inputs.push_back(carried(id));
        }
      }
      id = found->second;
    }
    for (ValueId& id : node.outputs) {
      if (id == kNoValue) continue;
      from_interlude_.emplace(id, StageValue{plan_->interludes.size(), alone->outputs.size()});
      id = alone->add_value(copy_of(id));
      alone->outputs.push_back(id);
    }
    alone->nodes.push_back(std::move(node));
    interlude.graph = std::move(alone);
    plan_->interludes.push_back(std::move(interlude));
  }

  ValueId in_rest(ValueId id) {
    if (id == kNoValue) return id;
    const auto [found, added] = placed_.try_emplace(id, static_cast<ValueId>(rest_->values.size()));
    if (!added) return found->second;
    rest_->add_value(copy_of(id));
    if (graph_->values[id].constant || made_in_rest_.contains(id)) return found->second;
    rest_->inputs.push_back(found->second);
    const auto made = from_interlude_.find(id);
    plan_->rest_inputs.push_back(made != from_interlude_.end() ? made->second : StageValue{SIZE_MAX, carried(id)});
    return found->second;
  }

  Graph* graph_;
  Plan* plan_;
  std::shared_ptr<const void> keep_;
  Graph* rest_ = nullptr;
  std::unordered_map<ValueId, size_t> carried_;
  std::unordered_map<ValueId, StageValue> from_interlude_;
  std::unordered_set<ValueId> made_in_rest_;
  std::unordered_map<ValueId, ValueId> placed_;
};

}  // namespace

void cut_stage(Graph* graph, Unplanned unplanned, Plan* plan) { StageCut(graph, plan).run(std::move(unplanned)); }

}  // namespace sealedge
