// Loop (opset 1, 11, 13 ...): while it < M and cond, with values handed from each iteration to the next.
#include <limits>
#include <string>

#include "engine/control_flow.h"
#include "engine/stacked_output.h"

namespace sealedge {

namespace {

struct Counters {
  int64_t iteration;
  uint8_t condition;
};

class LoopRun {
 public:
  explicit LoopRun(const ControlCall& call) : call_(call), control_(call.control) {}

  Result<std::vector<RunValue>> run() {
    int64_t trip_count = std::numeric_limits<int64_t>::max();
    bool condition = true;
    if (call_.node.inputs[0] != kNoValue) {
      SEALEDGE_ASSIGN(trip_count, int64_of(call_.inputs[0], "trip count"));
    }
    const bool has_condition = call_.node.inputs[1] != kNoValue;
    if (has_condition) {
      SEALEDGE_ASSIGN(condition, bool_of(call_.inputs[1], "condition"));
    }
    const auto first_state = call_.inputs.begin() + 2;
    states_.assign(first_state, first_state + static_cast<std::ptrdiff_t>(control_.states));
    for (RunValue& state : states_) state.computed = true;  // as it will be from the second iteration on
    for (const ControlFlow::Walk& walk : control_.scan_outputs) stacks_.emplace_back(&call_.runner, walk, -1);

    int64_t iteration = 0;
    for (; iteration < trip_count && condition; ++iteration) {
      SEALEDGE_TRY(call_.runner.settings.check());
      SEALEDGE_ASSIGN(const bool go_on, run_body(iteration, condition));
      // Without a condition going in, the one coming out is ignored (Loop-11, table of input combinations).
      condition = go_on || !has_condition;
    }
    return finish(iteration);
  }

 private:
  std::vector<RunValue> body_inputs(int64_t iteration, bool condition) const {
    const auto counters = std::make_shared<const Counters>(Counters{iteration, condition ? uint8_t{1} : uint8_t{0}});
    const auto dims = [](bool has_rank_1) { return has_rank_1 ? Dims{1} : Dims{}; };
    std::vector<RunValue> inputs;
    inputs.reserve(2 + states_.size() + control_.captures[0]);
    inputs.push_back({{DataType::kInt64, dims(control_.iteration_has_rank_1)},
                      reinterpret_cast<const uint8_t*>(&counters->iteration),
                      counters,
                      false,
                      true});
    inputs.push_back(
        {{DataType::kBool, dims(control_.condition_has_rank_1)}, &counters->condition, counters, false, true});
    inputs.insert(inputs.end(), states_.begin(), states_.end());
    const auto captures = call_.captures(0);
    inputs.insert(inputs.end(), captures.begin(), captures.end());
    return inputs;
  }

  Result<bool> run_body(int64_t iteration, bool condition) {
    SEALEDGE_ASSIGN(std::vector<RunValue> outputs,
                    call_.runner.run(call_.node.bodies[0], body_inputs(iteration, condition)));
    SEALEDGE_ASSIGN(const bool go_on, bool_of(outputs[0], "condition"));
    for (size_t i = 0; i < states_.size(); ++i) {
      RunValue& next = outputs[1 + i];
      if (next.fact.type != states_[i].fact.type) {
        return Error{ErrorCode::kModelInvalid, "loop-carried value " + std::to_string(i) + " changes its type from " +
                                                   data_type_name(states_[i].fact.type) + " to " +
                                                   data_type_name(next.fact.type)};
      }
      states_[i] = std::move(next);
    }
    for (size_t i = 0; i < stacks_.size(); ++i) SEALEDGE_TRY(stacks_[i].append(outputs[1 + states_.size() + i]));
    return go_on;
  }

  Result<std::vector<RunValue>> finish(int64_t iterations) {
    std::vector<TensorFact> facts(1 + states_.size() + stacks_.size());
    if (iterations == 0 && !stacks_.empty()) {
      facts = facts_without_running(call_.runner, call_.node.bodies[0], body_inputs(0, true), control_);
    }
    std::vector<RunValue> results = std::move(states_);
    const size_t first_stack = 1 + results.size();
    for (size_t i = 0; i < stacks_.size(); ++i) {
      SEALEDGE_ASSIGN(RunValue stacked, stacks_[i].finish(facts[first_stack + i]));
      results.push_back(std::move(stacked));
    }
    return results;
  }

  const ControlCall& call_;
  const ControlFlow& control_;
  std::vector<RunValue> states_;
  std::vector<StackedOutput> stacks_;
};

}  // namespace

Result<std::vector<RunValue>> run_loop(const ControlCall& call) { return LoopRun(call).run(); }

}  // namespace sealedge
