#include "engine/control_flow.h"

#include <cstring>
#include <string>
#include <unordered_map>

namespace sealedge {

namespace {

Error not_one(const RunValue& value, const char* what, const char* type) {
  return {ErrorCode::kInputInvalid, std::string(what) + ": expected one " + type + ", got " +
                                        data_type_name(value.fact.type) + " " + dims_to_string(value.fact.dims)};
}

bool is_one(const RunValue& value, DataType type) {
  return value.fact.type == type && value.fact.dims.size() <= 1 && element_count(value.fact.dims) == 1;
}

}  // namespace

Result<bool> bool_of(const RunValue& value, const char* what) {
  if (!is_one(value, DataType::kBool)) return not_one(value, what, "bool");
  return *value.data != 0;
}

Result<int64_t> int64_of(const RunValue& value, const char* what) {
  if (!is_one(value, DataType::kInt64)) return not_one(value, what, "int64");
  int64_t number;
  std::memcpy(&number, value.data, sizeof number);
  return number;
}

std::span<const RunValue> ControlCall::captures(size_t body) const {
  size_t first = control.own_inputs;
  for (size_t i = 0; i < body; ++i) first += control.captures[i];
  return std::span(inputs).subspan(first, control.captures[body]);
}

Result<std::vector<RunValue>> run_if(const ControlCall& call) {
  SEALEDGE_ASSIGN(const bool condition, bool_of(call.inputs[0], "condition"));
  const size_t branch = condition ? 0 : 1;
  const std::span<const RunValue> taken = call.captures(branch);
  return call.runner.run(call.node.bodies[branch], {taken.begin(), taken.end()});
}

namespace {

RunValue constant_value(const Value& value) {
  return {value.fact, value.constant->data, value.constant, could_be_weights(value.fact)};
}

Result<std::vector<RunValue>> run_kind(const ControlCall& call) {
  switch (call.control.kind) {
    case ControlFlow::Kind::kIf:
      return run_if(call);
    case ControlFlow::Kind::kLoop:
      return run_loop(call);
    case ControlFlow::Kind::kScan:
      return run_scan(call);
  }
  return Error{ErrorCode::kInternal, "no such control flow"};
}

}  // namespace

Result<std::vector<RunValue>> run_control_flow(const GraphRunner& runner, const Graph& alone,
                                               std::span<const RunValue> inputs) {
  const Node& node = alone.nodes[0];
  ControlCall call{runner, node, *as_control_flow(*node.op), {}};
  std::unordered_map<ValueId, size_t> given;
  for (size_t i = 0; i < alone.inputs.size(); ++i) given.emplace(alone.inputs[i], i);
  for (ValueId id : node.inputs) {
    if (id == kNoValue) {
      call.inputs.emplace_back();
    } else if (const auto found = given.find(id); found != given.end()) {
      call.inputs.push_back(inputs[found->second]);
    } else {
      if (!alone.values[id].constant->data) {
        return Error{ErrorCode::kInternal, describe_node(node) + ": a constant was not loaded"};
      }
      call.inputs.push_back(constant_value(alone.values[id]));
    }
  }
  auto results = run_kind(call);
  if (!results.ok()) {
    Error error = std::move(results).error();
    error.message = describe_node(node) + ": " + error.message;
    return error;
  }
  std::vector<RunValue> wanted;
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] != kNoValue) wanted.push_back(std::move((*results)[i]));
  }
  return wanted;
}

}  // namespace sealedge
