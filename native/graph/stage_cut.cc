#include "graph/stage_cut.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace sealedge {

namespace {

constexpr size_t kVisits = size_t{1} << 20;
constexpr size_t kLeastLookahead = 128;
constexpr size_t kLeastFresh = 64;

// Nodes that wait are looked at by every stage until they are run: at most that many, and in a graph with as many
// stages as nodes no more than kVisits in all, or kLeastLookahead times the nodes. Small graphs are looked at whole.
size_t lookahead_in(const Graph& whole) {
  return std::max(kLeastLookahead, kVisits / std::max<size_t>(whole.nodes.size(), 1));
}

// One stage is cut off: `graph` is its graph, `rest` that of the next one.
class StageCut {
 public:
  StageCut(Graph* graph, const StageContext& context, Plan* plan)
      : graph_(graph), context_(context), plan_(plan), before_(graph->leftover) {
    after_->whole = before_ ? before_->whole : std::make_shared<const StagedGraph>(context.whole);
    after_->next_slot = before_ ? before_->next_slot : static_cast<ValueId>(whole().values.size());
    for (size_t i = 0; i < graph->inputs.size(); ++i) {
      input_slots_.emplace(graph->inputs[i], before_ ? before_->input_slots[i] : graph->inputs[i]);
    }
  }

  void run(Unplanned unplanned) {
    plan_->is_stage = true;
    plan_->wanted_inputs = std::move(unplanned.wanted_inputs);
    const size_t end_of_stage = before_ ? before_->next_node : whole().nodes.size();
    const size_t begin = end_of_stage - unplanned.untouched;
    // As far as the next stage may look, and twice as many as this one could run, for as few stages as can be. So all
    // stages together take a few times the nodes there are.
    const size_t placed = graph_->nodes.size() + unplanned.interludes.size();
    const size_t lookahead = lookahead_in(whole());
    const size_t fresh = std::max({kLeastFresh, 2 * placed, lookahead - std::min(lookahead, unplanned.rest.size())});
    after_->next_node = begin + std::min(fresh, whole().nodes.size() - begin);
    after_->fresh_nodes = after_->next_node - begin;

    const std::vector<ValueId> outputs = std::exchange(graph_->outputs, {});
    for (Node& node : unplanned.interludes) add_interlude(std::move(node));
    for (const Node& node : unplanned.rest) {
      for (ValueId id : node.outputs) {
        if (id != kNoValue) made_in_rest_.insert(id);
      }
    }
    for (size_t i = 0; i < outputs.size(); ++i) {
      keep(before_ ? before_->output_slots[i] : whole().outputs[i], outputs[i]);
    }
    keep_for_untouched(begin, end_of_stage, unplanned.untouched_inputs);

    for (Node& node : unplanned.rest) {
      for (ValueId& id : node.inputs) id = in_rest(id);
      for (ValueId& id : node.outputs) id = in_rest(id);
      rest_->nodes.push_back(std::move(node));
    }
    for (size_t i = begin; i < after_->next_node; ++i) add_fresh(whole().nodes[i]);
    finish();
  }

 private:
  const Graph& whole() const { return *after_->whole->graph; }

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
      from_interlude_.emplace(id, KeptValue{plan_->interludes.size(), alone->outputs.size(), 0});
      id = alone->add_value(copy_of(id));
      alone->outputs.push_back(id);
    }
    alone->nodes.push_back(std::move(node));
    interlude.graph = std::move(alone);
    plan_->interludes.push_back(std::move(interlude));
  }

  // A later stage finds the value in this slot.
  void keep(ValueId slot, ValueId id) {
    if (id == kNoValue || !kept_slots_.insert(slot).second) return;
    if (made_in_rest_.contains(id)) {
      by_slot_[slot] = in_rest(id);
      return;
    }
    if (graph_->values[id].constant) {
      if (slot < whole().values.size() && whole().values[slot].constant) return;
      plan_->kept_constants[slot] = {graph_->values[id].fact, graph_->values[id].constant};
      return;
    }
    slot_of_.try_emplace(id, slot);
    const auto input = input_slots_.find(id);
    if (input != input_slots_.end() && input->second == slot) return;
    const auto made = from_interlude_.find(id);
    plan_->kept.push_back(made != from_interlude_.end() ? KeptValue{made->second.interlude, made->second.output, slot}
                                                        : KeptValue{SIZE_MAX, carried(id), slot});
  }

  // Nodes from `begin` on, which the stage had and did not look at. `inputs` are theirs, in the graph of the stage.
  void keep_for_untouched(size_t begin, size_t end, const std::vector<ValueId>& inputs) {
    size_t next = 0;
    for (size_t i = begin; i < end; ++i) {
      for (ValueId slot : whole().nodes[i].inputs) keep(slot, inputs[next++]);
    }
  }

  ValueId add_to_rest(Value value) { return rest_->add_value(std::move(value)); }

  // A value that is in a slot by then.
  ValueId rest_input(ValueId slot, Value value) {
    const auto [found, added] = by_slot_.try_emplace(slot, static_cast<ValueId>(rest_->values.size()));
    if (!added) return found->second;
    add_to_rest(std::move(value));
    rest_->inputs.push_back(found->second);
    after_->input_slots.push_back(slot);
    return found->second;
  }

  // A value of the stage's graph in that of the rest.
  ValueId in_rest(ValueId id) {
    if (id == kNoValue) return id;
    if (const auto found = placed_.find(id); found != placed_.end()) return found->second;
    const bool stays = graph_->values[id].constant || made_in_rest_.contains(id);
    const ValueId placed = stays ? add_to_rest(copy_of(id)) : rest_input(slot_of(id), copy_of(id));
    placed_.emplace(id, placed);
    return placed;
  }

  ValueId slot_of(ValueId id) {
    if (const auto found = slot_of_.find(id); found != slot_of_.end()) return found->second;
    const auto input = input_slots_.find(id);
    const ValueId slot = input != input_slots_.end() ? input->second : after_->next_slot++;
    keep(slot, id);
    return slot;
  }

  void add_fresh(Node node) {
    for (ValueId& id : node.inputs) id = fresh_input(id);
    for (ValueId& id : node.outputs) {
      if (id == kNoValue) continue;
      const ValueId placed = add_to_rest({whole().values[id].name, {}, nullptr, Format::kRowMajor});
      by_slot_[id] = placed;
      id = placed;
    }
    rest_->nodes.push_back(std::move(node));
  }

  ValueId fresh_input(ValueId slot) {
    if (slot == kNoValue) return slot;
    if (const auto found = by_slot_.find(slot); found != by_slot_.end()) return found->second;
    const Value& value = whole().values[slot];
    if (value.constant) return by_slot_[slot] = add_to_rest(value);
    const StageConstants& made_here = plan_->kept_constants;
    for (const StageConstants* constants : {&made_here, context_.constants}) {
      if (!constants) continue;
      if (const auto found = constants->find(slot); found != constants->end()) {
        return by_slot_[slot] =
                   add_to_rest({value.name, found->second.fact, found->second.constant, Format::kRowMajor});
      }
    }
    return rest_input(slot, {value.name, {}, nullptr, Format::kRowMajor});
  }

  void finish() {
    const std::unordered_set<ValueId> read(after_->input_slots.begin(), after_->input_slots.end());
    for (const auto& [id, slot] : input_slots_) {
      if (!read.contains(slot) && !after_->whole->is_read_from(after_->next_node, slot)) {
        plan_->forgotten.push_back(slot);
      }
    }
    if (rest_->nodes.empty()) return;
    std::vector<bool> made(rest_->values.size(), false);
    for (const Node& node : rest_->nodes) {
      for (ValueId id : node.outputs) {
        if (id != kNoValue) made[id] = true;
      }
    }
    for (const auto& [slot, id] : by_slot_) {
      if (!made[id] || !after_->whole->is_read_from(after_->next_node, slot)) continue;
      rest_->outputs.push_back(id);
      after_->output_slots.push_back(slot);
    }
    rest_->limits = graph_->limits;
    rest_->leftover = std::move(after_);
    plan_->rest = std::move(rest_);
  }

  Graph* graph_;
  const StageContext& context_;
  Plan* plan_;
  const std::shared_ptr<const Leftover> before_;
  std::shared_ptr<Leftover> after_ = std::make_shared<Leftover>();
  std::shared_ptr<Graph> rest_ = std::make_shared<Graph>();
  // By value of the stage's graph:
  std::unordered_map<ValueId, ValueId> input_slots_;
  std::unordered_map<ValueId, ValueId> slot_of_;
  std::unordered_map<ValueId, size_t> carried_;
  std::unordered_map<ValueId, KeptValue> from_interlude_;
  std::unordered_set<ValueId> made_in_rest_;
  std::unordered_map<ValueId, ValueId> placed_;
  // By slot:
  std::unordered_set<ValueId> kept_slots_;
  std::unordered_map<ValueId, ValueId> by_slot_;
};

}  // namespace

StagedGraph::StagedGraph(std::shared_ptr<const Graph> whole)
    : graph(std::move(whole)), readers_end(graph->values.size(), 0) {
  for (size_t i = 0; i < graph->nodes.size(); ++i) {
    for (ValueId id : graph->nodes[i].inputs) {
      if (id != kNoValue) readers_end[id] = i + 1;
    }
  }
  for (ValueId id : graph->outputs) readers_end[id] = SIZE_MAX;
}

Lookahead stage_lookahead(const Graph& graph) {
  if (!graph.leftover) return {lookahead_in(graph), SIZE_MAX};
  return {lookahead_in(*graph.leftover->whole->graph), graph.leftover->fresh_nodes};
}

void cut_stage(Graph* graph, Unplanned unplanned, const StageContext& context, Plan* plan) {
  StageCut(graph, context, plan).run(std::move(unplanned));
}

}  // namespace sealedge
