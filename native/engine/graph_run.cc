#include "engine/graph_run.h"

#include <string>

#include "engine/control_flow.h"

namespace sealedge {

namespace {

// Each reads something that an earlier one has computed; a model of more is a chain made to be slow.
constexpr size_t kMaxStages = 4096;

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

// The frame of an interlude, and the inputs that its plan was made for.
struct InterludeFrame {
  std::vector<RunValue> inputs;
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

Result<std::vector<RunValue>> run_interlude(const GraphRunner& runner, const Interlude& interlude,
                                            std::vector<RunValue> inputs) {
  if (!interlude.graph->nodes[0].bodies.empty()) return run_control_flow(runner, *interlude.graph, inputs);
  SEALEDGE_ASSIGN(std::shared_ptr<const Plan> plan, runner.plans->plan_interlude(*interlude.graph, inputs));
  auto owner = std::make_shared<InterludeFrame>();
  owner->inputs = std::move(inputs);
  SEALEDGE_ASSIGN(owner->frame, RunFrame::create(std::move(plan), runner.sealed(), runner.plans->meter()));
  return run_frame(owner->frame.get(), owner->inputs, runner.settings, owner);
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
  for (size_t stage = 0; stage < kMaxStages; ++stage) {
    SEALEDGE_TRY(settings.check());
    SEALEDGE_ASSIGN(std::shared_ptr<FramePool> frames, plans->get(graph, inputs));
    SEALEDGE_ASSIGN(std::unique_ptr<RunFrame> frame, frames->take());
    const Plan& plan = frame->plan();
    if (footprint) {
      ++footprint->stages;
      footprint->arena_bytes += plan.arena_bytes;
      footprint->steps += plan.steps.size() + plan.interludes.size();
    }
    const auto lease = std::make_shared<FrameLease>(std::move(frames), std::move(frame));
    SEALEDGE_ASSIGN(std::vector<RunValue> outputs, run_frame(lease->frame.get(), inputs, settings, lease));
    if (!plan.rest) return outputs;

    std::vector<std::vector<RunValue>> made;
    for (const Interlude& interlude : plan.interludes) {
      std::vector<RunValue> read;
      for (size_t output : interlude.inputs) read.push_back(outputs[output]);
      SEALEDGE_ASSIGN(std::vector<RunValue> results, run_interlude(*this, interlude, std::move(read)));
      for (RunValue& result : results) result.computed = true;
      made.push_back(std::move(results));
    }
    inputs.clear();
    for (const StageValue& value : plan.rest_inputs) {
      inputs.push_back(value.interlude == SIZE_MAX ? outputs[value.output] : made[value.interlude][value.output]);
    }
    graph = plan.rest;
  }
  return Error{ErrorCode::kLimitExceeded,
               "shapes depend on one another's elements more than " + std::to_string(kMaxStages) + " times in a row"};
}

}  // namespace sealedge
