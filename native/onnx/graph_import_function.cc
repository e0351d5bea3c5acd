// Functions that a model defines itself (onnx docs/IR.md, "Model-local Functions"): their nodes are put in place of
// each call.
#include "onnx/graph_import.h"

namespace sealedge {

const FunctionProto* GraphImport::find_function(const NodeProto& proto) const {
  const auto found = shared_->functions.find({proto.domain, proto.op_type});
  return found == shared_->functions.end() ? nullptr : found->second;
}

const NodeProto& GraphImport::with_attributes(const NodeProto& proto) {
  bool refers = false;
  for (const AttributeProto& attribute : proto.attributes) refers |= !attribute.referred.empty();
  if (!refers || !call_) return proto;
  NodeProto& copy = shared_->result->rewritten_nodes.emplace_back(proto);
  copy.attributes.clear();
  for (const AttributeProto& attribute : proto.attributes) {
    if (attribute.referred.empty()) {
      copy.attributes.push_back(attribute);
    } else if (const auto given = call_->find(attribute.referred); given != call_->end()) {
      copy.attributes.push_back(*given->second);
      copy.attributes.back().name = attribute.name;
    }
  }
  return copy;
}

Result<void> GraphImport::inline_function(const NodeProto& call, const FunctionProto& function) {
  const std::string where = printable(call.op_type) + " '" + printable(call.name) + "': ";
  if (depth_ == shared_->limits.max_graph_depth) {
    return Error{ErrorCode::kLimitExceeded, where + "functions call one another too deeply, or themselves"};
  }
  shared_->inlined_nodes += function.nodes.size();
  if (shared_->inlined_nodes > shared_->limits.max_nodes) {
    return Error{ErrorCode::kLimitExceeded,
                 where + "functions expand to more than " + std::to_string(shared_->limits.max_nodes) + " nodes"};
  }
  SEALEDGE_ASSIGN(const std::vector<ValueId> inputs, find_inputs(call));
  if (inputs.size() > function.inputs.size() || call.outputs.size() > function.outputs.size()) {
    return Error{ErrorCode::kModelInvalid, where + "more inputs or outputs than the function has"};
  }
  NameMap<const AttributeProto*> attributes;
  for (const AttributeProto& attribute : call.attributes) attributes.emplace(attribute.name, &attribute);
  for (const AttributeProto& attribute : function.defaults) attributes.emplace(attribute.name, &attribute);

  // The function's own scope for the time being.
  Scope caller{std::move(names_), outer_, call_, opset_};
  names_ = {};
  outer_ = nullptr;
  call_ = &attributes;
  for (const OperatorSet& opset : function.opset_imports) {
    if (opset.domain.empty()) opset_ = opset.version;
  }
  for (size_t i = 0; i < function.inputs.size(); ++i) {
    names_.emplace(function.inputs[i], i < inputs.size() ? inputs[i] : kNoValue);
  }
  ++depth_;
  Result<void> added = add_nodes(function.nodes);
  --depth_;
  std::vector<std::optional<ValueId>> made;
  for (std::string_view output : function.outputs) made.push_back(find(output));
  names_ = std::move(caller.names);
  outer_ = caller.outer;
  call_ = caller.call;
  opset_ = caller.opset;
  SEALEDGE_TRY(std::move(added));

  for (size_t i = 0; i < call.outputs.size(); ++i) {
    if (call.outputs[i].empty()) continue;
    if (!made[i] || *made[i] == kNoValue) {
      return Error{ErrorCode::kModelInvalid,
                   where + "the function never makes '" + printable(function.outputs[i]) + "'"};
    }
    if (!names_.emplace(call.outputs[i], *made[i]).second) {
      return Error{ErrorCode::kModelInvalid, "value '" + printable(call.outputs[i]) + "' is made twice"};
    }
  }
  return {};
}

}  // namespace sealedge
