#include "onnx/import.h"

#include <algorithm>
#include <memory>

#include "core/keyed_hash.h"
#include "graph/passes/fold_constants.h"
#include "onnx/node_import.h"
#include "onnx/node_order.h"
#include "onnx/tensor_data.h"
#include "onnx/unsupported_ops.h"
#include "onnx/value_types.h"

namespace sealedge {

namespace {

Error invalid(std::string message) { return Error{ErrorCode::kModelInvalid, std::move(message)}; }

class Importer {
 public:
  Importer(const ModelProto& model, ConstantStore* store, const ModelLimits& limits)
      : model_(model), graph_(result_.graph), store_(store) {
    graph_.limits = limits;
  }

  Result<ImportedModel> run() {
    SEALEDGE_TRY(check_versions());
    SEALEDGE_TRY(add_initializers());
    SEALEDGE_TRY(add_inputs());
    for (const ValueInfoProto& info : model_.graph.outputs) SEALEDGE_TRY(check_value_type(info, "output"));
    SEALEDGE_ASSIGN(const std::vector<size_t> order, running_order(model_.graph));
    for (size_t index : order) SEALEDGE_TRY(add_node(model_.graph.nodes[index]));
    if (!unsupported_.empty()) return unsupported_.to_error();
    SEALEDGE_TRY(add_outputs());
    graph_.remove_dead_nodes();
    SEALEDGE_TRY(fold_weights(&graph_, store_, kInlineTensorBytes));
    return std::move(result_);
  }

 private:
  Result<void> check_versions() {
    if (model_.ir_version < 0 || model_.ir_version > kNewestIrVersion) {
      return invalid("IR version: expected at most " + std::to_string(kNewestIrVersion) + ", got " +
                     std::to_string(model_.ir_version));
    }
    NameSet domains;
    for (const OperatorSet& opset : model_.opset_imports) {
      const std::string domain = opset.domain.empty() ? "ai.onnx" : printable(opset.domain);
      if (!domains.insert(opset.domain).second) return invalid("operator set '" + domain + "' is imported twice");
      if (opset.version < 1) {
        return invalid("operator set '" + domain + "': expected a version from 1, got " +
                       std::to_string(opset.version));
      }
    }
    opset_ = model_.opset_version();
    if (opset_ == 0 && model_.opset_imports.empty()) opset_ = 1;  // IR version 1 and 2 name none
    // A model of other domains only needs no version of this one; its nodes are reported as unsupported.
    if (opset_ > kNewestOpset) {
      return Error{ErrorCode::kOpUnsupported,
                   "operator set: expected at most " + std::to_string(kNewestOpset) + ", got " + std::to_string(opset_),
                   {{"domain", "ai.onnx"}, {"opsetVersion", std::to_string(opset_)}}};
    }
    if (model_.graph.sparse_initializer_count > 0) {
      return Error{ErrorCode::kOpUnsupported, "sparse initializers are not supported"};
    }
    return {};
  }

  // A value whose contents are this tensor. Small inline ones are read now.
  Result<ValueId> add_tensor(const TensorProto& tensor, std::string_view name) {
    auto constant = std::make_shared<Constant>();
    SEALEDGE_ASSIGN(constant->fact, tensor_fact(tensor));
    constant->source = result_.sources.size();
    result_.sources.push_back(&tensor);
    result_.source_names.push_back(name);
    SEALEDGE_ASSIGN(const size_t size_bytes, checked_size_bytes(constant->fact, graph_.limits.max_tensor_bytes));
    if (!tensor.external && size_bytes <= kInlineTensorBytes) {
      SEALEDGE_ASSIGN(uint8_t* data, store_->allocate(size_bytes));
      SEALEDGE_TRY(decode_tensor(tensor, {data, size_bytes}));
      constant->data = data;
    }
    Value value;
    value.name = name;
    value.fact = constant->fact;
    value.constant = std::move(constant);
    return graph_.add_value(std::move(value));
  }

  Result<void> add_initializers() {
    for (const TensorProto& tensor : model_.graph.initializers) {
      if (tensor.name.empty()) return invalid("an initializer has no name");
      SEALEDGE_ASSIGN(const ValueId id, add_tensor(tensor, tensor.name));
      if (!names_.emplace(tensor.name, id).second) {
        return invalid("initializer '" + printable(tensor.name) + "' is given twice");
      }
    }
    return {};
  }

  Result<void> add_inputs() {
    NameSet seen;
    for (const ValueInfoProto& info : model_.graph.inputs) {
      if (info.name.empty()) return invalid("a graph input has no name");
      if (!seen.insert(info.name).second) return invalid("input '" + printable(info.name) + "' is listed twice");
      if (names_.contains(info.name)) continue;  // IR version 3: every initializer is listed
      SEALEDGE_TRY(check_value_type(info, "input"));
      SEALEDGE_TRY(check_declared_size(info));
      Value value;
      value.name = info.name;
      const ValueId id = graph_.add_value(std::move(value));
      names_.emplace(info.name, id);
      graph_.inputs.push_back(id);
      result_.inputs.push_back(info);
    }
    return {};
  }

  // Dimensions that are not given may be 1.
  Result<void> check_declared_size(const ValueInfoProto& info) const {
    TensorFact least{static_cast<DataType>(info.elem_type), {}};
    for (const ValueInfoProto::Dim& dim : info.dims) least.dims.push_back(dim.value < 0 ? 1 : dim.value);
    const auto size = checked_size_bytes(least, graph_.limits.max_tensor_bytes);
    if (size.ok()) return {};
    return Error{size.error().code, "input '" + printable(info.name) + "': " + size.error().message};
  }

  Result<void> add_outputs() {
    if (model_.graph.outputs.empty()) return invalid("the graph has no outputs");
    NameSet seen;
    for (const ValueInfoProto& info : model_.graph.outputs) {
      if (!seen.insert(info.name).second) return invalid("output '" + printable(info.name) + "' is listed twice");
      const auto found = names_.find(info.name);
      if (found == names_.end()) return invalid("output '" + printable(info.name) + "' is never made");
      graph_.outputs.push_back(found->second);
      result_.outputs.push_back(info);
    }
    return {};
  }

  Result<std::vector<ValueId>> find_inputs(const NodeProto& proto) {
    std::vector<ValueId> inputs;
    for (std::string_view name : proto.inputs) {
      if (name.empty()) {
        inputs.push_back(kNoValue);
        continue;
      }
      const auto found = names_.find(name);
      if (found == names_.end()) {
        return invalid("node '" + printable(proto.name) + "' (" + printable(proto.op_type) + ") reads '" +
                       printable(name) + "', which nothing makes");
      }
      inputs.push_back(found->second);
    }
    while (!inputs.empty() && inputs.back() == kNoValue) inputs.pop_back();
    return inputs;
  }

  Result<std::vector<ValueId>> declare_outputs(const NodeProto& proto) {
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

  int64_t opset_of(const NodeProto& proto) const {
    for (const OperatorSet& opset : model_.opset_imports) {
      if (opset.domain == proto.domain) return opset.version;
    }
    return proto.domain.empty() ? opset_ : 0;
  }

  Result<void> add_node(const NodeProto& proto) {
    SEALEDGE_ASSIGN(std::vector<ValueId> inputs, find_inputs(proto));
    SEALEDGE_ASSIGN(std::vector<ValueId> outputs, declare_outputs(proto));
    const OpImporter* importer = proto.domain.empty() ? find_importer(proto.op_type) : nullptr;
    if (!importer) {
      unsupported_.add(proto, opset_of(proto), "");
      return {};
    }
    const std::string where = printable(proto.op_type) + " '" + printable(proto.name) + "': ";
    if (inputs.size() > importer->max_inputs) return invalid(where + "too many inputs");
    for (size_t i = 0; i < importer->min_inputs; ++i) {
      if (i >= inputs.size() || inputs[i] == kNoValue)
        return invalid(where + "input " + std::to_string(i) + " is missing");
    }
    if (std::all_of(outputs.begin(), outputs.end(), [](ValueId id) { return id == kNoValue; })) return {};

    NodeImport node(proto, opset_, std::move(inputs), outputs, &graph_, store_);
    importer->build(node);
    if (node.error()) {
      if (node.error()->code == ErrorCode::kOpUnsupported) {
        unsupported_.add(proto, opset_, node.error()->message);
        return {};
      }
      return Error{node.error()->code, where + node.error()->message};
    }
    if (node.tensor()) {
      SEALEDGE_ASSIGN(const ValueId id, add_tensor(*node.tensor(), proto.outputs[0]));
      names_[proto.outputs[0]] = id;
    } else if (node.alias() && *node.alias() != kNoValue) {
      names_[proto.outputs[0]] = *node.alias();
    }
    return {};
  }

  const ModelProto& model_;
  ImportedModel result_;
  Graph& graph_;
  ConstantStore* store_;
  int64_t opset_ = 0;
  NameMap<ValueId> names_;
  UnsupportedOps unsupported_;
};

}  // namespace

Result<ImportedModel> import_model(const ModelProto& model, ConstantStore* store, const ModelLimits& limits) {
  return Importer(model, store, limits).run();
}

}  // namespace sealedge
