#include "engine/graph_run.h"

#include <functional>
#include <unordered_map>

#include "engine/control_flow.h"

namespace sealedge {

namespace {

// A frame that values lie in; it goes back to its pool with the last of them.
struct FrameLease {
  FrameLease(std::shared_ptr<FramePool> frames, std::unique_ptr<RunFrame> taken)
      : pool(std::move(frames)), frame(std::move(taken)) {}
  ~FrameLease() { pool->give_back(std::move(frame)); }
  FrameLease(const FrameLease&) = delete;
  FrameLease& operator=(const FrameLease&) = delete;

  std::shared_ptr<FramePool> pool;
  std::unique_ptr<RunFrame> frame;
};

Result<std::vector<RunValue>> run_frame(RunFrame* frame, std::span<const RunValue> inputs, const RunSettings& settings,
                                        const std::shared_ptr<const void>& owner) {
  std::vector<const uint8_t*> pointers;
  pointers.reserve(inputs.size());
  for (const RunValue& input : inputs) pointers.push_back(input.data);
  SEALEDGE_TRY(frame->run(pointers, settings));
  const Plan& plan = frame->plan();
  std::vector<RunValue> outputs;
  outputs.reserve(plan.outputs.size());
  for (size_t i = 0; i < plan.outputs.size(); ++i) {
    const Location& location = plan.outputs[i].location;
    const bool passed_on = location.kind == Location::Kind::kInput;
    const bool computed = passed_on ? inputs[location.input].computed : location.kind == Location::Kind::kArena;
    outputs.push_back({plan.outputs[i].fact, frame->output(i), passed_on ? inputs[location.input].owner : owner,
                       plan.outputs[i].secret, computed});
  }
  return outputs;
}

bool lies_in(const RunValue& value, const RunValue& memory) {
  const size_t size_bytes =
      static_cast<size_t>(element_count(memory.fact.dims)) * data_type_size_bytes(memory.fact.type);
  return std::less_equal<>()(memory.data, value.data) && std::less<>()(value.data, memory.data + size_bytes);
}

Result<std::vector<RunValue>> run_interlude(const GraphRunner& runner, const Interlude& interlude,
                                            std::vector<RunValue> inputs) {
  if (!interlude.graph->nodes[0].bodies.empty()) return run_control_flow(runner, *interlude.graph, inputs);
  SEALEDGE_ASSIGN(std::shared_ptr<const Plan> plan, runner.plans->plan_interlude(interlude.graph, inputs));
  SEALEDGE_ASSIGN(std::unique_ptr<RunFrame> made,
                  RunFrame::create(std::move(plan), runner.sealed(), runner.plans->meter()));
  const std::shared_ptr<RunFrame> frame = std::move(made);
  SEALEDGE_ASSIGN(std::vector<RunValue> outputs, run_frame(frame.get(), inputs, runner.settings, frame));
  // Elements of an input that the plan was made for are constants in it, and may be those of an output. The frame keeps
  // no inputs: it would keep all of a chain.
  for (RunValue& output : outputs) {
    for (const RunValue& input : inputs) {
      if (lies_in(output, input)) output.owner = input.owner;
    }
  }
  return outputs;
}

// Values and constants that cross from one stage to later ones, by slot (graph/stage.h).
struct StageTable {
  std::unordered_map<ValueId, RunValue> values;
  StageConstants constants;

  void forget(ValueId slot) {
    values.erase(slot);
    constants.erase(slot);
  }
};

Error not_kept() { return {ErrorCode::kInternal, "a value of an earlier stage was not kept"}; }

Result<std::vector<RunValue>> inputs_of_rest(const Graph& rest, const StageTable& table) {
  std::vector<RunValue> inputs;
  for (ValueId slot : rest.leftover->input_slots) {
    const auto found = table.values.find(slot);
    if (found == table.values.end()) return not_kept();
    inputs.push_back(found->second);
  }
  return inputs;
}

Result<std::vector<RunValue>> outputs_of_whole(const Graph& whole, const StageTable& table) {
  std::vector<RunValue> outputs;
  for (ValueId id : whole.outputs) {
    if (const auto value = table.values.find(id); value != table.values.end()) {
      outputs.push_back(value->second);
      continue;
    }
    const auto kept = table.constants.find(id);
    const TensorFact& fact = kept != table.constants.end() ? kept->second.fact : whole.values[id].fact;
    const auto& constant = kept != table.constants.end() ? kept->second.constant : whole.values[id].constant;
    if (!constant || !constant->data) return not_kept();
    outputs.push_back({fact, constant->data, constant, could_be_weights(fact)});
  }
  return outputs;
}

}  // namespace

Result<std::shared_ptr<RunBuffer>> GraphRunner::allocate(size_t size_bytes, bool secret) const {
  if (size_bytes > limits.max_tensor_bytes) {
    return Error{ErrorCode::kLimitExceeded,
                 "a value of one run needs more than " + std::to_string(limits.max_tensor_bytes) + " bytes"};
  }
  const auto kind = !sealed() ? RunBuffer::Kind::kOrdinary
                    : secret  ? RunBuffer::Kind::kSecret
                              : RunBuffer::Kind::kSealed;
  return RunBuffer::allocate(size_bytes, kind, plans->meter());
}

Result<std::vector<RunValue>> GraphRunner::run(std::shared_ptr<const Graph> graph, std::vector<RunValue> inputs,
                                               RunFootprint* footprint) const {
  StageTable table;
  for (std::shared_ptr<const Graph> stage = graph;;) {
    SEALEDGE_TRY(settings.check());
    SEALEDGE_ASSIGN(std::shared_ptr<FramePool> frames, plans->get(stage, inputs, {graph, &table.constants}));
    SEALEDGE_ASSIGN(std::unique_ptr<RunFrame> frame, frames->take());
    const Plan& plan = frame->plan();
    if (footprint) {
      footprint->in_stages |= plan.is_stage;
      footprint->arena_bytes += plan.arena_bytes;
      footprint->steps += plan.steps.size() + plan.interludes.size();
    }
    const auto lease = std::make_shared<FrameLease>(std::move(frames), std::move(frame));
    SEALEDGE_ASSIGN(std::vector<RunValue> outputs, run_frame(lease->frame.get(), inputs, settings, lease));
    if (!plan.is_stage) return outputs;

    if (!stage->leftover) {
      for (size_t i = 0; i < inputs.size(); ++i) table.values[graph->inputs[i]] = std::move(inputs[i]);
    }
    std::vector<std::vector<RunValue>> made;
    for (const Interlude& interlude : plan.interludes) {
      std::vector<RunValue> read;
      for (size_t output : interlude.inputs) read.push_back(outputs[output]);
      SEALEDGE_ASSIGN(std::vector<RunValue> results, run_interlude(*this, interlude, std::move(read)));
      for (RunValue& result : results) result.computed = true;
      made.push_back(std::move(results));
    }
    for (const KeptValue& kept : plan.kept) {
      table.values[kept.slot] = kept.interlude == SIZE_MAX ? outputs[kept.output] : made[kept.interlude][kept.output];
    }
    for (const auto& [slot, constant] : plan.kept_constants) table.constants[slot] = constant;
    for (ValueId slot : plan.forgotten) table.forget(slot);
    if (!plan.rest) return outputs_of_whole(*graph, table);
    SEALEDGE_ASSIGN(inputs, inputs_of_rest(*plan.rest, table));
    stage = plan.rest;
  }
}

}  // namespace sealedge
