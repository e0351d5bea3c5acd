// op_type -> If, Loop, Scan.
#include <array>
#include <string>

#include "graph/control_flow.h"
#include "onnx/node_import.h"

namespace sealedge {

namespace {

// -1 where the file leaves a dimension open.
std::vector<TensorFact> declared_facts(const std::vector<ValueInfoProto>& infos) {
  std::vector<TensorFact> facts;
  for (const ValueInfoProto& info : infos) {
    TensorFact fact;
    if (info.elem_type > 0 && info.elem_type < 256) fact.type = static_cast<DataType>(info.elem_type);
    for (const ValueInfoProto::Dim& dim : info.dims) fact.dims.push_back(dim.value);
    facts.push_back(std::move(fact));
  }
  return facts;
}

std::string counts(const char* what, size_t expected, size_t got) {
  return std::string(what) + ": expected " + std::to_string(expected) + ", got " + std::to_string(got);
}

bool all_given(NodeImport& node, size_t first) {
  for (size_t i = first; i < node.proto().inputs.size(); ++i) {
    if (!node.has_input(i)) node.invalid("input " + std::to_string(i) + " is missing");
  }
  return !node.error();
}

void import_if(NodeImport& node) {
  const std::array<const GraphProto*, 2> branches = {node.get_graph("then_branch"), node.get_graph("else_branch")};
  if (!branches[0] || !branches[1]) return;
  ControlFlow control;
  control.kind = ControlFlow::Kind::kIf;
  control.own_inputs = 1;
  std::vector<ImportedBody> bodies;
  for (const GraphProto* branch : branches) {
    if (!branch->inputs.empty()) return node.invalid("a branch has inputs");
    if (branch->outputs.size() != branches[0]->outputs.size()) {
      return node.invalid(counts("outputs of the else branch", branches[0]->outputs.size(), branch->outputs.size()));
    }
    auto body = node.import_body(*branch);
    if (!body) return;
    control.captures.push_back(body->captures.size());
    bodies.push_back(std::move(*body));
  }
  node.emit_control(make_control_flow(std::move(control)), {node.input(0)}, std::move(bodies),
                    branches[0]->outputs.size());
}

// Inputs M, cond, states; the body takes iteration, cond, states and makes cond, states, scan outputs.
void import_loop(NodeImport& node) {
  const GraphProto* proto = node.get_graph("body");
  if (!proto || !all_given(node, 2)) return;
  ControlFlow control;
  control.kind = ControlFlow::Kind::kLoop;
  control.states = node.input_count() > 2 ? node.input_count() - 2 : 0;
  control.own_inputs = 2 + control.states;
  if (proto->inputs.size() != control.own_inputs) {
    return node.invalid(counts("inputs of the body", control.own_inputs, proto->inputs.size()));
  }
  if (proto->outputs.size() < 1 + control.states) {
    return node.invalid(counts("outputs of the body, at least", 1 + control.states, proto->outputs.size()));
  }
  control.iteration_has_rank_1 = proto->inputs[0].dims.size() == 1;
  control.condition_has_rank_1 = proto->inputs[1].dims.size() == 1;
  control.scan_outputs.resize(proto->outputs.size() - 1 - control.states);
  control.declared_outputs = declared_facts(proto->outputs);
  auto body = node.import_body(*proto);
  if (!body) return;
  control.captures = {body->captures.size()};
  std::vector<ValueId> inputs = node.inputs();
  inputs.resize(control.own_inputs, kNoValue);
  node.emit_control(make_control_flow(std::move(control)), std::move(inputs), {std::move(*body)},
                    proto->outputs.size() - 1);
}

// The attribute's list, or `count` zeros. Another length is refused.
std::vector<int64_t> one_each(NodeImport& node, std::string_view name, size_t count) {
  std::vector<int64_t> values = node.get_ints(name);
  if (!node.has(name)) values.assign(count, 0);
  if (values.size() != count) node.invalid(counts(std::string(name).c_str(), count, values.size()));
  return values;
}

std::vector<ControlFlow::Walk> walks(NodeImport& node, std::string_view axes, std::string_view directions,
                                     size_t count) {
  const std::vector<int64_t> axis = axes.empty() ? std::vector<int64_t>(count, 0) : one_each(node, axes, count);
  const std::vector<int64_t> backwards =
      directions.empty() ? std::vector<int64_t>(count, 0) : one_each(node, directions, count);
  std::vector<ControlFlow::Walk> result;
  for (size_t i = 0; i < count && !node.error(); ++i) {
    if (backwards[i] != 0 && backwards[i] != 1) node.invalid("a direction is neither 0 nor 1");
    result.push_back({axis[i], backwards[i] == 1});
  }
  return result;
}

// Inputs states, scan inputs (Scan-8: sequence_lens before them); the body takes states, slices and makes states, scan
// outputs.
void import_scan(NodeImport& node) {
  const GraphProto* proto = node.get_graph("body");
  if (!proto) return;
  ControlFlow control;
  control.kind = ControlFlow::Kind::kScan;
  control.batched = node.opset() < 9;
  const size_t first = control.batched ? 1 : 0;
  if (!all_given(node, first)) return;
  const size_t given = node.input_count() > first ? node.input_count() - first : 0;
  const int64_t scanned = node.get_int("num_scan_inputs", 0);
  if (scanned < 1 || static_cast<uint64_t>(scanned) > given) {
    return node.invalid("num_scan_inputs: expected 1 to " + std::to_string(given) + ", got " + std::to_string(scanned));
  }
  control.own_inputs = first + given;
  control.states = given - static_cast<size_t>(scanned);
  if (proto->inputs.size() != given) return node.invalid(counts("inputs of the body", given, proto->inputs.size()));
  if (proto->outputs.size() < control.states) {
    return node.invalid(counts("outputs of the body, at least", control.states, proto->outputs.size()));
  }
  const size_t stacked = proto->outputs.size() - control.states;
  if (control.batched) {
    control.scan_inputs = walks(node, {}, "directions", static_cast<size_t>(scanned));
    control.scan_outputs.resize(stacked);
  } else {
    control.scan_inputs = walks(node, "scan_input_axes", "scan_input_directions", static_cast<size_t>(scanned));
    control.scan_outputs = walks(node, "scan_output_axes", "scan_output_directions", stacked);
  }
  if (node.error()) return;
  control.declared_outputs = declared_facts(proto->outputs);
  auto body = node.import_body(*proto);
  if (!body) return;
  control.captures = {body->captures.size()};
  node.emit_control(make_control_flow(std::move(control)), node.inputs(), {std::move(*body)}, proto->outputs.size());
}

constexpr auto kImporters = std::to_array<OpImporter>({
    {"If", 1, 1, import_if},
    {"Loop", 0, kVariadic, import_loop},
    {"Scan", 0, kVariadic, import_scan},
});

}  // namespace

std::span<const OpImporter> control_importers() { return kImporters; }

}  // namespace sealedge
