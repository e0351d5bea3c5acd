#include "graph/passes/infer_shapes.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "graph/control_flow.h"
#include "graph/evaluate.h"
#include "graph/passes/splice_branch.h"

namespace sealedge {

namespace {

// A larger branch is run as a graph of its own (an interlude): what is left of it would be handed from stage to stage.
constexpr size_t kMostSplicedNodes = 1024;

// What is computed from a sealed model's weights must lie in secret memory, so it is never left for the run.
bool depends_on_weights(const Graph& graph, const Node& node) {
  return std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) {
    return id != kNoValue && graph.values[id].constant && !data_type_is_integer(graph.values[id].fact.type);
  });
}

class ShapeInference {
 public:
  ShapeInference(Graph* graph, ConstantStore* store, size_t limit_bytes, const Lookahead& lookahead)
      : graph_(graph), store_(store), budget_(limit_bytes), lookahead_(lookahead) {}

  Result<Unplanned> run() {
    add_values();
    for (ValueId id : graph_->inputs) {
      known_[id] = true;
      foldable_[id] = is_small_integer(id);
    }
    pending_ = std::move(graph_->nodes);
    graph_->nodes.clear();
    std::reverse(pending_.begin(), pending_.end());
    unplanned_.untouched = pending_.size();
    while (!pending_.empty() && !too_far()) {
      Node node = take_pending();
      SEALEDGE_TRY(place(std::move(node)));
    }
    if (!unsupported_.empty()) return all_unsupported();
    for (ValueId& id : graph_->outputs) id = resolved(id);

    leave_untouched();
    std::vector<bool> needed(graph_->values.size(), false);
    for (ValueId id : graph_->outputs) needed[id] = true;
    for (ValueId id : unplanned_.untouched_inputs) {
      if (id != kNoValue) needed[id] = true;
    }
    drop_dead_nodes(&unplanned_.rest, &needed);
    drop_dead_nodes(&unplanned_.interludes, &needed);
    drop_dead_nodes(&graph_->nodes, &needed);
    find_wanted_inputs();
    return std::move(unplanned_);
  }

 private:
  bool too_far() const { return !unplanned_.interludes.empty() && unplanned_.rest.size() >= lookahead_.nodes; }

  Node take_pending() {
    Node node = std::move(pending_.back());
    pending_.pop_back();
    // What branches brought lies above the graph's own nodes.
    unplanned_.untouched = std::min(unplanned_.untouched, pending_.size());
    for (ValueId& id : node.inputs) id = resolved(id);
    return node;
  }

  void leave_untouched() {
    const size_t most = std::min(lookahead_.untouchable, unplanned_.untouched);
    while (pending_.size() > most) unplanned_.rest.push_back(take_pending());
    for (size_t i = pending_.size(); i-- > 0;) {
      for (ValueId id : pending_[i].inputs) unplanned_.untouched_inputs.push_back(resolved(id));
    }
  }

  // For values that came since.
  void add_values() {
    const size_t before = same_as_.size();
    same_as_.resize(graph_->values.size());
    std::iota(same_as_.begin() + static_cast<std::ptrdiff_t>(before), same_as_.end(), static_cast<ValueId>(before));
    known_.resize(graph_->values.size(), false);
    foldable_.resize(graph_->values.size(), false);
  }

  // An output of an If may be that of another If inside it.
  ValueId resolved(ValueId id) const {
    while (id != kNoValue && same_as_[id] != id) id = same_as_[id];
    return id;
  }

  bool is_known(ValueId id) const { return id == kNoValue || known_[id] || graph_->values[id].constant; }
  bool has_contents(ValueId id) const {
    return id == kNoValue || (graph_->values[id].constant && graph_->values[id].constant->data);
  }
  bool fits_a_key(ValueId id) const {
    const auto size = checked_size_bytes(graph_->values[id].fact);
    return size.ok() && *size <= kPlanContentBytes;
  }
  bool is_small_integer(ValueId id) const {
    const DataType type = graph_->values[id].fact.type;
    return (data_type_is_integer(type) || type == DataType::kBool) && fits_a_key(id);
  }

  // The inputs whose elements the planner needs and does not have.
  std::vector<ValueId> missing_contents(const Node& node) const {
    std::vector<ValueId> missing;
    const ControlFlow* control = as_control_flow(*node.op);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const bool needed = control ? control->kind == ControlFlow::Kind::kIf && i == 0 : node.op->needs_contents(i);
      if (needed && !has_contents(node.inputs[i])) missing.push_back(node.inputs[i]);
    }
    return missing;
  }

  // Of a tensor without elements all elements are known.
  Result<void> know_empty_contents(const Node& node) {
    for (ValueId id : missing_contents(node)) {
      Value& value = graph_->values[id];
      if (element_count(value.fact.dims) != 0) continue;
      auto constant = std::make_shared<Constant>();
      constant->fact = value.fact;
      SEALEDGE_ASSIGN(constant->data, store_->allocate(0));
      constant->store = store_->shared();
      value.constant = std::move(constant);
    }
    return {};
  }

  Result<void> place(Node node) {
    if (!std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) { return is_known(id); })) {
      unplanned_.rest.push_back(std::move(node));
      return {};
    }
    const ControlFlow* control = as_control_flow(*node.op);
    SEALEDGE_TRY(know_empty_contents(node));
    if (!missing_contents(node).empty() || (control ? !can_splice(node, *control) : !can_infer(node))) {
      unplanned_.interludes.push_back(std::move(node));
      return {};
    }
    return control ? splice(node) : infer(std::move(node));
  }

  Result<void> infer(Node node) {
    graph_->nodes.push_back(std::move(node));
    Node& placed = graph_->nodes.back();
    if (auto inferred = infer_node(graph_, &placed); !inferred.ok()) {
      if (inferred.error().code != ErrorCode::kOpUnsupported) return inferred;
      // Noted, so that one error names all of them; what reads the outputs is not looked at.
      unsupported_.push_back(std::move(inferred).error());
      graph_->nodes.pop_back();
      return {};
    }
    const bool unbounded = store_->kind() == ConstantStore::Kind::kSecret && depends_on_weights(*graph_, placed);
    SEALEDGE_ASSIGN(const bool constant,
                    make_constant(graph_, graph_->nodes.size() - 1, store_, unbounded ? nullptr : &budget_));
    const bool foldable = std::all_of(placed.inputs.begin(), placed.inputs.end(),
                                      [&](ValueId id) { return id == kNoValue || foldable_[id] || has_contents(id); });
    for (ValueId id : placed.outputs) {
      if (id == kNoValue) continue;
      known_[id] = true;
      foldable_[id] = foldable && is_small_integer(id);
    }
    if (constant) graph_->nodes.pop_back();
    return {};
  }

  // Precondition of an If: its condition is known.
  bool can_splice(const Node& node, const ControlFlow& control) const {
    if (control.kind != ControlFlow::Kind::kIf) return false;
    const bool taken = *graph_->values[node.inputs[0]].constant->data != 0;
    return node.bodies[taken ? 0 : 1]->nodes.size() <= kMostSplicedNodes;
  }

  // What comes out of some depends on their elements: of constants too it is found out in the run, if it takes long. A
  // sealed model has a publisher, whom one may ask.
  bool can_infer(const Node& node) {
    if (lookahead_.all_work || store_->kind() == ConstantStore::Kind::kSecret) return true;
    return budget_.take_work(node.op->infer_work(operands_of(*graph_, node.inputs)));
  }

  Result<void> splice(const Node& node) {
    const TensorFact& condition = graph_->values[node.inputs[0]].fact;
    if (condition.type != DataType::kBool || element_count(condition.dims) != 1) {
      return Error{ErrorCode::kModelInvalid, describe_node(node) + ": condition: expected one bool, got " +
                                                 data_type_name(condition.type) + " " + dims_to_string(condition.dims)};
    }
    const bool taken = *graph_->values[node.inputs[0]].constant->data != 0;
    SplicedBranch branch = splice_branch(graph_, node, taken ? 0 : 1);
    add_values();
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] != kNoValue) same_as_[node.outputs[i]] = branch.outputs[i];
    }
    for (size_t i = branch.nodes.size(); i-- > 0;) pending_.push_back(std::move(branch.nodes[i]));
    return {};
  }

  Error all_unsupported() const {
    constexpr size_t kMostNamed = 20;
    Error error = unsupported_[0];
    for (size_t i = 1; i < unsupported_.size() && i < kMostNamed; ++i) error.message += "; " + unsupported_[i].message;
    if (unsupported_.size() > kMostNamed) {
      error.message += "; and " + std::to_string(unsupported_.size() - kMostNamed) + " more";
    }
    return error;
  }

  // Of each interlude whose missing elements follow from small graph inputs alone: these inputs. What is no integer is
  // wanted only where it is read as it comes (the scales of a Resize).
  void find_wanted_inputs() {
    std::vector<bool> is_input(graph_->values.size(), false);
    for (ValueId id : graph_->inputs) is_input[id] = !graph_->values[id].constant;
    std::vector<bool> wanted(graph_->values.size(), false);
    for (const Node& node : unplanned_.interludes) {
      const std::vector<ValueId> missing = missing_contents(node);
      const bool obtainable = std::all_of(missing.begin(), missing.end(), [&](ValueId id) {
        return foldable_[id] || (is_input[id] && fits_a_key(id));
      });
      for (ValueId id : missing) {
        if (obtainable) wanted[id] = true;
      }
    }
    for (size_t i = graph_->nodes.size(); i-- > 0;) {
      const Node& node = graph_->nodes[i];
      const bool leads_there = std::any_of(node.outputs.begin(), node.outputs.end(),
                                           [&](ValueId id) { return id != kNoValue && wanted[id]; });
      for (ValueId id : node.inputs) {
        if (leads_there && id != kNoValue) wanted[id] = true;
      }
    }
    for (size_t i = 0; i < graph_->inputs.size(); ++i) {
      if (is_input[graph_->inputs[i]] && wanted[graph_->inputs[i]]) unplanned_.wanted_inputs.push_back(i);
    }
  }

  Graph* graph_;
  ConstantStore* store_;
  FoldBudget budget_;
  const Lookahead lookahead_;
  std::vector<Node> pending_;     // what is still to be looked at, the next one last
  std::vector<ValueId> same_as_;  // outputs of an If are what its branch makes
  std::vector<bool> known_;       // type and dims, by value
  std::vector<bool> foldable_;    // would be a constant if small integer inputs were
  Unplanned unplanned_;
  std::vector<Error> unsupported_;
};

}  // namespace

Result<Unplanned> infer_shapes(Graph* graph, ConstantStore* store, size_t limit_bytes, const Lookahead& lookahead) {
  return ShapeInference(graph, store, limit_bytes, lookahead).run();
}

}  // namespace sealedge
