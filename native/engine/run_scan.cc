// Scan: a body run once per slice of its scan inputs. Scan-9 and later take any axis; Scan-8 has a batch in front, and
// each of its sequences is a scan of its own.
#include <cstring>
#include <string>

#include "engine/control_flow.h"
#include "engine/stacked_output.h"

namespace sealedge {

namespace {

Error mismatch(std::string message) { return {ErrorCode::kShapeMismatch, std::move(message)}; }

Dims without_axis(Dims dims, size_t axis) {
  dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(axis));
  return dims;
}

// Element `index` along axis 0, where it lies.
RunValue first_axis_slice(const RunValue& value, int64_t index) {
  RunValue slice = value;
  slice.computed = true;  // another one in the next iteration
  slice.fact.dims = without_axis(value.fact.dims, 0);
  const size_t size_bytes = static_cast<size_t>(element_count(slice.fact.dims)) * data_type_size_bytes(value.fact.type);
  if (size_bytes > 0) slice.data += static_cast<size_t>(index) * size_bytes;
  return slice;
}

// Along another axis its parts lie apart, and are copied together.
Result<RunValue> slice_of(const GraphRunner& runner, const RunValue& value, size_t axis, int64_t index) {
  if (axis == 0) return first_axis_slice(value, index);
  RunValue slice;
  slice.fact = {value.fact.type, without_axis(value.fact.dims, axis)};
  slice.secret = value.secret;
  slice.computed = true;
  size_t outer = 1;
  size_t inner_bytes = data_type_size_bytes(value.fact.type);
  for (size_t i = 0; i < slice.fact.dims.size(); ++i) {
    (i < axis ? outer : inner_bytes) *= static_cast<size_t>(slice.fact.dims[i]);
  }
  SEALEDGE_ASSIGN(std::shared_ptr<RunBuffer> buffer, runner.allocate(outer * inner_bytes, value.secret));
  const size_t stride = inner_bytes * static_cast<size_t>(value.fact.dims[axis]);
  for (size_t i = 0; i < outer && inner_bytes > 0; ++i) {
    std::memcpy(buffer->data() + i * inner_bytes, value.data + i * stride + static_cast<size_t>(index) * inner_bytes,
                inner_bytes);
  }
  slice.data = buffer->data();
  slice.owner = std::move(buffer);
  return slice;
}

// One sequence: states and scan inputs without a batch.
class Sequence {
 public:
  Sequence(const ControlCall& call, std::vector<RunValue> states, std::vector<RunValue> scan_inputs)
      : call_(call), control_(call.control), states_(std::move(states)), scan_inputs_(std::move(scan_inputs)) {
    for (RunValue& state : states_) state.computed = true;
  }

  // length: how many slices are run; `padded`: what the outputs count, when that is more.
  Result<std::vector<RunValue>> run(int64_t length, int64_t padded) {
    std::vector<StackedOutput> stacks;
    for (const ControlFlow::Walk& walk : control_.scan_outputs) stacks.emplace_back(&call_.runner, walk, padded);
    for (int64_t i = 0; i < length; ++i) {
      SEALEDGE_TRY(call_.runner.settings.check());
      SEALEDGE_ASSIGN(std::vector<RunValue> inputs, body_inputs(i, length));
      SEALEDGE_ASSIGN(std::vector<RunValue> outputs, call_.runner.run(call_.node.bodies[0], std::move(inputs)));
      for (size_t s = 0; s < states_.size(); ++s) {
        if (outputs[s].fact.type != states_[s].fact.type) {
          return Error{ErrorCode::kModelInvalid, "state " + std::to_string(s) + " changes its type"};
        }
        states_[s] = std::move(outputs[s]);
      }
      for (size_t s = 0; s < stacks.size(); ++s) SEALEDGE_TRY(stacks[s].append(outputs[states_.size() + s]));
    }
    std::vector<TensorFact> facts(states_.size() + stacks.size());
    if (length == 0 && !stacks.empty()) facts = facts_of_nothing();
    std::vector<RunValue> results = std::move(states_);
    const size_t first_stack = results.size();
    for (size_t i = 0; i < stacks.size(); ++i) {
      SEALEDGE_ASSIGN(RunValue stacked, stacks[i].finish(facts[first_stack + i]));
      results.push_back(std::move(stacked));
    }
    return results;
  }

 private:
  Result<std::vector<RunValue>> body_inputs(int64_t index, int64_t length) const {
    std::vector<RunValue> inputs = states_;
    for (size_t i = 0; i < scan_inputs_.size(); ++i) {
      const ControlFlow::Walk& walk = control_.scan_inputs[i];
      SEALEDGE_ASSIGN(RunValue slice,
                      slice_of(call_.runner, scan_inputs_[i], axis_of(i), walk.backwards ? length - 1 - index : index));
      inputs.push_back(std::move(slice));
    }
    const auto captures = call_.captures(0);
    inputs.insert(inputs.end(), captures.begin(), captures.end());
    return inputs;
  }

  // What an iteration would make, if there was one.
  std::vector<TensorFact> facts_of_nothing() const {
    std::vector<RunValue> inputs = states_;
    for (size_t i = 0; i < scan_inputs_.size(); ++i) {
      RunValue slice;
      slice.fact = {scan_inputs_[i].fact.type, without_axis(scan_inputs_[i].fact.dims, axis_of(i))};
      inputs.push_back(std::move(slice));
    }
    const auto captures = call_.captures(0);
    inputs.insert(inputs.end(), captures.begin(), captures.end());
    return facts_without_running(call_.runner, call_.node.bodies[0], inputs, control_);
  }

  // Checked by scan_lengths().
  size_t axis_of(size_t input) const {
    const int64_t axis = control_.scan_inputs[input].axis;
    return static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(scan_inputs_[input].fact.dims.size()) : axis);
  }

  const ControlCall& call_;
  const ControlFlow& control_;
  std::vector<RunValue> states_;
  std::vector<RunValue> scan_inputs_;
};

// The length that all scan inputs have along their axes; `skipped` dimensions come before those the axes count.
Result<int64_t> sequence_length(const ControlCall& call, std::span<const RunValue> scan_inputs, size_t skipped) {
  int64_t length = -1;
  for (size_t i = 0; i < scan_inputs.size(); ++i) {
    const Dims& dims = scan_inputs[i].fact.dims;
    const auto rank = static_cast<int64_t>(dims.size()) - static_cast<int64_t>(skipped);
    const int64_t axis = call.control.scan_inputs[i].axis;
    if (axis < -rank || axis >= rank) {
      return mismatch("scan input " + std::to_string(i) + ": axis " + std::to_string(axis) + " is out of range for " +
                      dims_to_string(dims));
    }
    const int64_t here = dims[skipped + static_cast<size_t>(axis < 0 ? axis + rank : axis)];
    if (length >= 0 && here != length) {
      return mismatch("scan inputs differ in length: expected " + std::to_string(length) + ", got " +
                      std::to_string(here));
    }
    length = here;
  }
  return length;
}

Result<int64_t> batch_size(std::span<const RunValue> values) {
  int64_t batch = -1;
  for (const RunValue& value : values) {
    if (value.fact.dims.empty() || (batch >= 0 && value.fact.dims[0] != batch)) {
      return mismatch("inputs differ in batch size: got " + dims_to_string(value.fact.dims));
    }
    batch = value.fact.dims[0];
  }
  return batch;
}

Result<std::vector<RunValue>> run_batched(const ControlCall& call, std::span<const RunValue> states,
                                          std::span<const RunValue> scan_inputs) {
  SEALEDGE_ASSIGN(const int64_t longest, sequence_length(call, scan_inputs, 1));
  SEALEDGE_ASSIGN(const int64_t batch,
                  batch_size(std::span(call.inputs).subspan(1, states.size() + scan_inputs.size())));
  const bool has_lengths = call.node.inputs[0] != kNoValue;
  if (has_lengths) {
    const TensorFact& fact = call.inputs[0].fact;
    if (fact.type != DataType::kInt64 || fact.dims != Dims{batch}) {
      return mismatch("sequence_lens: expected one int64 per batch, got " + dims_to_string(fact.dims));
    }
  }
  std::vector<StackedOutput> stacks;
  for (size_t i = 0; i < states.size() + call.control.scan_outputs.size(); ++i) {
    stacks.emplace_back(&call.runner, ControlFlow::Walk{}, batch);
  }
  for (int64_t b = 0; b < batch; ++b) {
    int64_t length = longest;
    if (has_lengths) std::memcpy(&length, call.inputs[0].data + static_cast<size_t>(b) * sizeof length, sizeof length);
    if (length < 0 || length > longest) {
      return Error{ErrorCode::kInputInvalid,
                   "sequence_lens: expected 0 to " + std::to_string(longest) + ", got " + std::to_string(length)};
    }
    std::vector<RunValue> own_states;
    std::vector<RunValue> own_inputs;
    for (const RunValue& value : states) own_states.push_back(first_axis_slice(value, b));
    for (const RunValue& value : scan_inputs) own_inputs.push_back(first_axis_slice(value, b));
    SEALEDGE_ASSIGN(const std::vector<RunValue> outputs,
                    Sequence(call, std::move(own_states), std::move(own_inputs)).run(length, longest));
    for (size_t i = 0; i < stacks.size(); ++i) SEALEDGE_TRY(stacks[i].append(outputs[i]));
  }
  std::vector<RunValue> results;
  for (size_t i = 0; i < stacks.size(); ++i) {
    TensorFact unit = call.control.declared_outputs[i];
    for (int64_t& dim : unit.dims) dim = std::max<int64_t>(dim, 0);
    if (i >= states.size()) unit.dims.insert(unit.dims.begin(), longest);
    SEALEDGE_ASSIGN(RunValue stacked, stacks[i].finish(unit));
    results.push_back(std::move(stacked));
  }
  return results;
}

}  // namespace

Result<std::vector<RunValue>> run_scan(const ControlCall& call) {
  const size_t first = call.control.batched ? 1 : 0;
  const std::span<const RunValue> own = std::span(call.inputs).subspan(first, call.control.own_inputs - first);
  const std::span<const RunValue> states = own.first(call.control.states);
  const std::span<const RunValue> scan_inputs = own.subspan(call.control.states);
  if (call.control.batched) return run_batched(call, states, scan_inputs);
  SEALEDGE_ASSIGN(const int64_t length, sequence_length(call, scan_inputs, 0));
  return Sequence(call, {states.begin(), states.end()}, {scan_inputs.begin(), scan_inputs.end()}).run(length, length);
}

}  // namespace sealedge
