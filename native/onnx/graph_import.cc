#include "onnx/graph_import.h"

#include <algorithm>
#include <memory>
#include <unordered_set>

#include "graph/passes/fold_constants.h"
#include "graph/passes/quantize_graph.h"
#include "onnx/node_order.h"
#include "onnx/tensor_data.h"

namespace sealedge {

namespace {

Error invalid(std::string message) { return Error{ErrorCode::kModelInvalid, std::move(message)}; }

}  // namespace

// A value whose contents are this tensor. Small inline ones are read now.
Result<ValueId> GraphImport::add_tensor(const TensorProto& tensor, std::string_view name) {
  Value value;
  value.name = name;
  if (const auto known = shared_->known.find(tensor.message.data()); known != shared_->known.end()) {
    value.constant = known->second;
    value.fact = value.constant->fact;
    return graph_.add_value(std::move(value));
  }
  ImportedModel& result = *shared_->result;
  auto constant = std::make_shared<Constant>();
  SEALEDGE_ASSIGN(constant->fact, tensor_fact(tensor));
  constant->source = result.sources.size();
  result.sources.push_back(&tensor);
  result.source_names.push_back(name);
  SEALEDGE_ASSIGN(const size_t size_bytes, checked_size_bytes(constant->fact, shared_->limits.max_tensor_bytes));
  if (!tensor.external && size_bytes <= kInlineTensorBytes) {
    SEALEDGE_ASSIGN(uint8_t* data, shared_->store->allocate(size_bytes));
    SEALEDGE_TRY(decode_tensor(tensor, {data, size_bytes}));
    constant->data = data;
  }
  result.constants.push_back(constant);
  value.fact = constant->fact;
  value.constant = std::move(constant);
  return graph_.add_value(std::move(value));
}

Result<void> GraphImport::add_initializer(const TensorProto& tensor) {
  if (tensor.name.empty()) return invalid("an initializer has no name");
  SEALEDGE_ASSIGN(const ValueId id, add_tensor(tensor, tensor.name));
  if (names_.emplace(tensor.name, id).second) return {};
  return invalid("initializer '" + printable(tensor.name) + "' is given twice");
}

Result<ValueId> GraphImport::add_input(std::string_view name) {
  if (name.empty()) return invalid("a graph input has no name");
  Value value;
  value.name = name;
  const ValueId id = graph_.add_value(std::move(value));
  if (!names_.emplace(name, id).second) return invalid("input '" + printable(name) + "' is listed twice");
  graph_.inputs.push_back(id);
  return id;
}

Result<void> GraphImport::add_nodes(std::span<const NodeProto> nodes) {
  SEALEDGE_ASSIGN(const std::vector<size_t> order, running_order(nodes));
  for (size_t index : order) SEALEDGE_TRY(add_node(nodes[index]));
  return {};
}

Result<void> GraphImport::add_output(std::string_view name) {
  const std::optional<ValueId> id = find(name);
  if (!id || *id == kNoValue) return invalid("output '" + printable(name) + "' is never made");
  if (sequences_.find(*id)) {
    return Error{ErrorCode::kOpUnsupported, "output '" + printable(name) + "': a sequence cannot leave its graph"};
  }
  graph_.outputs.push_back(*id);
  return {};
}

Result<Graph> GraphImport::finish() {
  graph_.limits = shared_->limits;
  graph_.remove_dead_nodes();
  if (!shared_->unsupported.empty()) return std::move(graph_);
  SEALEDGE_TRY(quantize_graph(&graph_, shared_->store, kInlineTensorBytes));
  SEALEDGE_TRY(fold_weights(&graph_, shared_->store, kInlineTensorBytes));
  return std::move(graph_);
}

std::optional<ValueId> GraphImport::find(std::string_view name) {
  if (const auto found = names_.find(name); found != names_.end()) return found->second;
  const std::optional<ValueId> outside = outer_ ? outer_->find(name) : std::nullopt;
  if (!outside || *outside == kNoValue) return outside;
  const ValueId id = take(*outside, name);
  names_.emplace(name, id);
  return id;
}

ValueId GraphImport::take(ValueId outside, std::string_view name) {
  Value value;
  value.name = name;
  const Value& original = outer_->graph_.values[outside];
  if (original.constant) {
    value.constant = original.constant;
    value.fact = original.fact;
  }
  const bool made_in_a_run = !value.constant;
  const ValueId id = graph_.add_value(std::move(value));
  if (const ImportedSequence* sequence = outer_->sequences_.find(outside)) {
    // Every body that reads it takes all of it: counted like nodes, or a small file could multiply it.
    shared_->inlined_nodes += sequence->items.size();
    if (shared_->inlined_nodes > shared_->limits.max_nodes) return id;
    ImportedSequence taken = *sequence;
    for (ValueId& item : taken.items) item = take(item, {});
    if (taken.sliced != kNoValue) taken.sliced = take(taken.sliced, {});
    if (taken.part_size != kNoValue) taken.part_size = take(taken.part_size, {});
    sequences_.add(id, std::move(taken));
  } else if (made_in_a_run) {
    graph_.inputs.push_back(id);
    captures_.push_back(outside);
  }
  return id;
}

Result<std::vector<ValueId>> GraphImport::find_inputs(const NodeProto& proto) {
  std::vector<ValueId> inputs;
  for (std::string_view name : proto.inputs) {
    const std::optional<ValueId> id = name.empty() ? kNoValue : find(name);
    if (!id) {
      return invalid("node '" + printable(proto.name) + "' (" + printable(proto.op_type) + ") reads '" +
                     printable(name) + "', which nothing makes");
    }
    inputs.push_back(*id);
  }
  while (!inputs.empty() && inputs.back() == kNoValue) inputs.pop_back();
  return inputs;
}

Result<std::vector<ValueId>> GraphImport::declare_outputs(const NodeProto& proto) {
  std::vector<ValueId> outputs;
  for (std::string_view name : proto.outputs) {
    if (name.empty()) {
      outputs.push_back(kNoValue);
      continue;
    }
    Value value;
    value.name = name;
    const ValueId id = graph_.add_value(std::move(value));
    if (!names_.emplace(name, id).second) return invalid("value '" + printable(name) + "' is made twice");
    outputs.push_back(id);
  }
  return outputs;
}

int64_t GraphImport::opset_of(const NodeProto& proto) const {
  for (const OperatorSet& opset : shared_->model.opset_imports) {
    if (opset.domain == proto.domain) return opset.version;
  }
  return proto.domain.empty() ? opset_ : 0;
}

Result<void> GraphImport::add_node(const NodeProto& original) {
  const NodeProto& proto = with_attributes(original);
  const OpImporter* importer = find_importer(proto.domain, proto.op_type);
  if (importer) return build(proto, *importer);
  if (const FunctionProto* function = find_function(proto)) return inline_function(proto, *function);
  SEALEDGE_TRY(find_inputs(proto));
  SEALEDGE_TRY(declare_outputs(proto));
  shared_->unsupported.add(proto, opset_of(proto), "");
  return {};
}

Result<void> GraphImport::build(const NodeProto& proto, const OpImporter& importer) {
  SEALEDGE_ASSIGN(std::vector<ValueId> inputs, find_inputs(proto));
  const std::string where = printable(proto.op_type) + " '" + printable(proto.name) + "': ";
  if (inputs.size() > importer.max_inputs) return invalid(where + "too many inputs");
  for (size_t i = 0; i < importer.min_inputs; ++i) {
    if (i >= inputs.size() || inputs[i] == kNoValue) {
      return invalid(where + "input " + std::to_string(i) + " is missing");
    }
  }
  SEALEDGE_ASSIGN(std::vector<ValueId> outputs, declare_outputs(proto));
  if (std::all_of(outputs.begin(), outputs.end(), [](ValueId id) { return id == kNoValue; })) return {};

  NodeImport node(proto, opset_, std::move(inputs), outputs, &graph_, shared_->store, this, &sequences_);
  const size_t nodes_before = graph_.nodes.size();
  importer.build(node);
  if (node.error()) {
    if (node.error()->code == ErrorCode::kOpUnsupported) {
      shared_->unsupported.add(proto, opset_, node.error()->message);
      return {};
    }
    return Error{node.error()->code, where + node.error()->message};
  }
  if (node.tensor()) {
    SEALEDGE_ASSIGN(const ValueId id, add_tensor(*node.tensor(), proto.outputs[0]));
    if (!proto.outputs[0].empty()) names_[proto.outputs[0]] = id;
  } else if (node.alias() && *node.alias() != kNoValue && !proto.outputs[0].empty()) {
    names_[proto.outputs[0]] = *node.alias();
  }
  forget_unmade(proto, outputs, nodes_before);
  return {};
}

// Outputs that the operator does not have, or that only training uses (the statistics of BatchNormalization before
// opset 14): files may name them, nobody can read them.
void GraphImport::forget_unmade(const NodeProto& proto, std::span<const ValueId> outputs, size_t nodes_before) {
  std::unordered_set<ValueId> made;
  for (size_t i = nodes_before; i < graph_.nodes.size(); ++i) {
    made.insert(graph_.nodes[i].outputs.begin(), graph_.nodes[i].outputs.end());
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    const ValueId id = outputs[i];
    if (id == kNoValue || made.contains(id) || sequences_.find(id)) continue;
    // Else a constant or an alias has taken the name over.
    if (const auto name = names_.find(proto.outputs[i]); name->second == id) names_.erase(name);
  }
}

const ValueInfoProto* GraphImport::declared_input(ValueId id) const {
  if (outer_) return nullptr;  // a body's formal inputs: what they hold is decided outside
  const std::vector<ValueInfoProto>& declared = shared_->result->inputs;
  const auto found = std::find(graph_.inputs.begin(), graph_.inputs.end(), id);
  const auto index = static_cast<size_t>(found - graph_.inputs.begin());
  return index < declared.size() ? &declared[index] : nullptr;
}

Result<ImportedBody> GraphImport::import_body(const GraphProto& proto) {
  // Each is nested no deeper than that where it is written, but functions put one into another.
  if (depth_ == shared_->limits.max_graph_depth) {
    return Error{ErrorCode::kLimitExceeded,
                 "graphs inside one another: at most " + std::to_string(shared_->limits.max_graph_depth)};
  }
  GraphImport body(shared_, this);
  for (const ValueInfoProto& info : proto.inputs) SEALEDGE_TRY(body.add_input(info.name));
  for (const TensorProto& tensor : proto.initializers) SEALEDGE_TRY(body.add_initializer(tensor));
  if (proto.sparse_initializer_count > 0) {
    return Error{ErrorCode::kOpUnsupported, "sparse initializers are not supported"};
  }
  SEALEDGE_TRY(body.add_nodes(proto.nodes));
  for (const ValueInfoProto& info : proto.outputs) SEALEDGE_TRY(body.add_output(info.name));
  ImportedBody imported;
  imported.captures = std::move(body.captures_);
  SEALEDGE_ASSIGN(Graph graph, body.finish());
  imported.graph = std::make_shared<const Graph>(std::move(graph));
  return imported;
}

}  // namespace sealedge
