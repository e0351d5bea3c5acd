#include "graph/memory_plan.h"

#include <utility>

#include "graph/arena_layout.h"

namespace sealedge {

namespace {

// Values that share storage (views, and results written over an input) form sets; the root of a set is the value that
// had the storage first, and what is known of the storage is kept there.
class MemoryPlanner {
 public:
  MemoryPlanner(const Graph& graph, const std::vector<size_t>& scratch_bytes, size_t max_arena_bytes)
      : graph_(graph), scratch_bytes_(scratch_bytes), max_arena_bytes_(max_arena_bytes) {}

  Result<MemoryPlan> run() {
    find_fixed_locations();
    join_views();
    find_last_uses();
    SEALEDGE_TRY(lay_out());
    for (ValueId id = 0; id < parent_.size(); ++id) plan_.values[id] = plan_.values[root(id)];
    return std::move(plan_);
  }

 private:
  ValueId root(ValueId id) {
    while (parent_[id] != id) id = parent_[id] = parent_[parent_[id]];
    return id;
  }

  size_t size_of(ValueId id) const {
    const TensorFact& fact = graph_.values[id].fact;
    return static_cast<size_t>(element_count(fact.dims)) * data_type_size_bytes(fact.type);
  }

  void find_fixed_locations() {
    plan_.values.resize(graph_.values.size());
    for (size_t i = 0; i < graph_.inputs.size(); ++i) {
      plan_.values[graph_.inputs[i]] = {Location::Kind::kInput, 0, i, nullptr};
    }
    for (ValueId id = 0; id < graph_.values.size(); ++id) {
      if (const auto& constant = graph_.values[id].constant) {
        plan_.values[id] = {Location::Kind::kConstant, 0, 0, constant->data};
      }
    }
  }

  void join_views() {
    parent_.resize(graph_.values.size());
    for (ValueId id = 0; id < parent_.size(); ++id) parent_[id] = id;
    for (const Node& node : graph_.nodes) {
      plan_.is_view.push_back(node_is_view(graph_, node));
      if (plan_.is_view.back()) parent_[node.outputs[0]] = root(node.inputs[0]);
    }
  }

  void find_last_uses() {
    last_use_.assign(graph_.values.size(), 0);
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      graph_.nodes[i].for_each_input([&](ValueId id) { last_use_[root(id)] = i; });
      for (ValueId id : graph_.nodes[i].outputs) {
        if (id != kNoValue) last_use_[root(id)] = i;
      }
    }
    for (ValueId id : graph_.outputs) last_use_[root(id)] = graph_.nodes.size();
  }

  // The storage of an input that output 0 of the node may be written over: in the arena, of the same size, read by
  // nobody else from now on. kNoValue when there is none.
  ValueId find_overwritable(const Node& node, size_t index) {
    if (node.outputs[0] == kNoValue) return kNoValue;
    const std::vector<Operand> inputs = operands_of(graph_, node.inputs);
    const std::vector<Operand> outputs = operands_of(graph_, node.outputs);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] == kNoValue || !node.op->may_overwrite(i, inputs, outputs)) continue;
      const ValueId storage = root(node.inputs[i]);
      if (plan_.values[storage].kind != Location::Kind::kArena || last_use_[storage] != index) continue;
      if (size_of(node.inputs[i]) != size_of(node.outputs[0])) continue;
      if (inputs[i].format != outputs[0].format && !formats_coincide(inputs[i].dims)) continue;
      size_t reads = 0;
      node.for_each_input([&](ValueId id) { reads += root(id) == storage ? 1 : 0; });
      if (reads == 1) return storage;
    }
    return kNoValue;
  }

  Result<void> lay_out() {
    plan_.scratch_offsets.assign(graph_.nodes.size(), 0);
    ends_.resize(graph_.nodes.size() + 1);
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (!plan_.is_view[i]) SEALEDGE_TRY(place(graph_.nodes[i], i));
      for (ValueId storage : ends_[i]) {
        // Unless it lives on in what was written over it.
        if (last_use_[storage] == i) arena_.give_back(plan_.values[storage].offset_bytes, size_of(storage));
      }
    }
    plan_.arena_bytes = arena_.size_bytes();
    return {};
  }

  Result<void> place(const Node& node, size_t index) {
    const ValueId overwritten = find_overwritable(node, index);
    for (ValueId id : node.outputs) {
      if (id == kNoValue) continue;
      const size_t last_use = last_use_[id];
      if (overwritten != kNoValue && id == node.outputs[0]) {
        parent_[id] = overwritten;
        last_use_[overwritten] = last_use;
        if (last_use != index) ends_[last_use].push_back(overwritten);
        continue;
      }
      SEALEDGE_ASSIGN(const size_t offset, take(size_of(id)));
      plan_.values[id] = {Location::Kind::kArena, offset, 0, nullptr};
      ends_[last_use].push_back(id);
    }
    if (scratch_bytes_[index] > 0) {
      SEALEDGE_ASSIGN(plan_.scratch_offsets[index], take(scratch_bytes_[index]));
      arena_.give_back(plan_.scratch_offsets[index], scratch_bytes_[index]);
    }
    return {};
  }

  Result<size_t> take(size_t size_bytes) {
    const size_t offset = arena_.take(size_bytes);
    if (offset == SIZE_MAX || arena_.size_bytes() > max_arena_bytes_) {
      return Error{ErrorCode::kLimitExceeded,
                   "activations of one run need more than " + std::to_string(max_arena_bytes_) + " bytes"};
    }
    return offset;
  }

  const Graph& graph_;
  const std::vector<size_t>& scratch_bytes_;
  const size_t max_arena_bytes_;
  MemoryPlan plan_;
  ArenaLayout arena_;
  std::vector<ValueId> parent_;
  std::vector<size_t> last_use_;  // of a root: the last node that touches the storage; nodes.size() for outputs
  std::vector<std::vector<ValueId>> ends_;  // roots, by last use
};

}  // namespace

bool node_is_view(const Graph& graph, const Node& node) {
  if (node.inputs.empty() || node.inputs[0] == kNoValue || node.outputs[0] == kNoValue || node.has_epilogue())
    return false;
  return node.op->output_is_view(operands_of(graph, node.inputs), operands_of(graph, node.outputs));
}

Result<MemoryPlan> plan_memory(const Graph& graph, const std::vector<size_t>& scratch_bytes, size_t max_arena_bytes) {
  return MemoryPlanner(graph, scratch_bytes, max_arena_bytes).run();
}

}  // namespace sealedge
