#include "engine/session_io.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>

#include "core/keyed_hash.h"
#include "graph/graph.h"

namespace sealedge {

namespace {

Error input_invalid(const std::string& name, const std::string& why) {
  return Error{ErrorCode::kInputInvalid, "input '" + printable(name) + "' " + why, {{"input", printable(name)}}};
}

// Known type, dims that the model allows, as many bytes as they say.
Result<TensorFact> check_input(const TensorMetadata& metadata, const RunInput& input) {
  if (input.type != metadata.type) {
    return input_invalid(metadata.name, std::string("has the wrong type: expected ") + data_type_name(metadata.type) +
                                            ", got " + data_type_name(input.type));
  }
  TensorFact fact{input.type, Dims(input.dims.begin(), input.dims.end())};
  Dims expected;
  for (const DimMetadata& dim : metadata.dims) expected.push_back(dim.value);
  bool fits = !metadata.has_shape || expected.size() == fact.dims.size();
  for (size_t i = 0; fits && i < expected.size(); ++i) fits = expected[i] < 0 || expected[i] == fact.dims[i];
  if (!fits) {
    return Error{ErrorCode::kShapeMismatch,
                 "input '" + printable(metadata.name) + "' has the wrong shape: expected " + dims_to_string(expected) +
                     " (-1: any), got " + dims_to_string(fact.dims),
                 {{"input", printable(metadata.name)},
                  {"expected", dims_to_string(expected)},
                  {"got", dims_to_string(fact.dims)}}};
  }
  SEALEDGE_ASSIGN(const size_t size_bytes, checked_size_bytes(fact));
  if (input.bytes.size() != size_bytes) {
    return input_invalid(metadata.name, "has the wrong size: expected " + std::to_string(size_bytes) + " bytes for " +
                                            dims_to_string(fact.dims) + ", got " + std::to_string(input.bytes.size()));
  }
  return fact;
}

}  // namespace

void RunOutput::Free::operator()(uint8_t* bytes) const { std::free(bytes); }

namespace {

Result<void> make_own(RunValue* value) {
  const auto copy = std::make_shared<RunOutput>();
  SEALEDGE_TRY(deliver_output(value->fact, value->data, copy.get()));
  value->data = copy->data.get();
  value->owner = copy;
  return {};
}

// The value as it is given, or a copy that is aligned.
Result<RunValue> bind_input(const TensorMetadata& metadata, const RunInput& input) {
  RunValue value;
  SEALEDGE_ASSIGN(value.fact, check_input(metadata, input));
  value.data = input.bytes.data();
  if (reinterpret_cast<uintptr_t>(value.data) % data_type_size_bytes(value.fact.type) != 0) {
    SEALEDGE_TRY(make_own(&value));
  }
  return value;
}

// Positions by name. Of a few names one after the other is faster; of many it would be quadratic.
class InputFinder {
 public:
  explicit InputFinder(const std::vector<TensorMetadata>& inputs) : inputs_(inputs) {
    if (inputs.size() <= 16) return;
    for (size_t i = 0; i < inputs.size(); ++i) positions_.emplace(inputs[i].name, i);
  }
  // inputs.size() when there is none.
  size_t find(std::string_view name) const {
    if (!positions_.empty()) {
      const auto found = positions_.find(name);
      return found == positions_.end() ? inputs_.size() : found->second;
    }
    size_t index = 0;
    while (index < inputs_.size() && inputs_[index].name != name) ++index;
    return index;
  }

 private:
  const std::vector<TensorMetadata>& inputs_;
  NameMap<size_t> positions_;
};

}  // namespace

Result<BoundInputs> bind_inputs(const std::vector<TensorMetadata>& model_inputs,
                                const std::vector<TensorMetadata>& overridable_inputs,
                                std::span<const RunInput> given) {
  std::vector<const RunInput*> by_index(model_inputs.size(), nullptr);
  std::vector<const RunInput*> overriding;
  const InputFinder model_finder(model_inputs);
  const InputFinder overridable_finder(overridable_inputs);
  for (const RunInput& input : given) {
    size_t index = model_finder.find(input.name);
    const RunInput** place = nullptr;
    if (index < model_inputs.size()) {
      place = &by_index[index];
    } else if ((index = overridable_finder.find(input.name)) < overridable_inputs.size()) {
      overriding.resize(overridable_inputs.size(), nullptr);
      place = &overriding[index];
    } else {
      return input_invalid(std::string(input.name), "is not an input of the model");
    }
    if (*place) return input_invalid(std::string(input.name), "is given twice");
    *place = &input;
  }
  BoundInputs bound;
  bound.values.reserve(given.size());
  for (size_t i = 0; i < model_inputs.size(); ++i) {
    if (!by_index[i]) return input_invalid(model_inputs[i].name, "is missing");
    SEALEDGE_ASSIGN(RunValue value, bind_input(model_inputs[i], *by_index[i]));
    bound.values.push_back(std::move(value));
  }
  for (size_t i = 0; i < overriding.size(); ++i) {
    bound.fed.push_back(overriding[i] != nullptr);
    if (!overriding[i]) continue;
    SEALEDGE_ASSIGN(RunValue value, bind_input(overridable_inputs[i], *overriding[i]));
    bound.values.push_back(std::move(value));
  }
  return bound;
}

Result<void> set_aside_inputs(std::span<const RunOutput> outputs, std::span<RunValue> results) {
  const auto placed = [](const RunOutput& output) { return output.preallocated.data() != nullptr; };
  if (outputs.size() < 2 || std::none_of(outputs.begin(), outputs.end(), placed)) return {};
  for (const RunOutput& output : outputs) {
    if (!results[output.index].owner) SEALEDGE_TRY(make_own(&results[output.index]));
  }
  return {};
}

Result<void> deliver_output(const TensorFact& fact, const uint8_t* data, RunOutput* output) {
  SEALEDGE_ASSIGN(const size_t size_bytes, checked_size_bytes(fact));
  output->type = fact.type;
  output->dims = fact.dims;
  output->size_bytes = size_bytes;
  uint8_t* target = output->preallocated.data();
  if (target) {
    if (output->preallocated.size() != size_bytes) {
      return Error{ErrorCode::kShapeMismatch, "preallocated output: expected " + std::to_string(size_bytes) +
                                                  " bytes, got " + std::to_string(output->preallocated.size())};
    }
  } else {
    output->data.reset(static_cast<uint8_t*>(std::aligned_alloc(64, size_bytes / 64 * 64 + 64)));
    target = output->data.get();
    if (!target) {
      return Error{ErrorCode::kOutOfMemory, "no memory for a tensor of " + std::to_string(size_bytes) + " bytes"};
    }
  }
  if (size_bytes > 0) std::memmove(target, data, size_bytes);  // a caller may want an output where an input is
  return {};
}

}  // namespace sealedge
