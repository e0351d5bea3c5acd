#include "onnx/import.h"

#include "onnx/graph_import.h"
#include "onnx/value_types.h"

namespace sealedge {

namespace {

Error invalid(std::string message) { return Error{ErrorCode::kModelInvalid, std::move(message)}; }

int64_t opset_of(const ModelProto& model) {
  return model.opset_imports.empty() ? 1 : model.opset_version();  // IR version 1 and 2 name none
}

class Importer {
 public:
  Importer(const ModelProto& model, ConstantStore* store, const ModelLimits& limits)
      : model_(model), shared_{model, limits, store, &result_, opset_of(model)}, graph_(&shared_) {}

  Importer(const ModelProto& model, const ImportedModel& imported, ConstantStore* store, const ModelLimits& limits)
      : model_(model), open_(true), shared_{model, limits, store, &result_, opset_of(model)}, graph_(&shared_) {
    for (size_t i = 0; i < imported.sources.size(); ++i) {
      shared_.known.emplace(imported.sources[i]->message.data(), imported.constants[i]);
    }
  }

  Result<ImportedModel> run() {
    SEALEDGE_TRY(check_versions());
    SEALEDGE_TRY(add_functions());
    SEALEDGE_TRY(list_inputs());
    SEALEDGE_TRY(add_initializers());
    SEALEDGE_TRY(add_inputs());
    for (const ValueInfoProto& info : model_.graph.outputs) {
      // Without one it is what the model computes.
      if (info.has_type) SEALEDGE_TRY(check_value_type(info, "output"));
    }
    SEALEDGE_TRY(graph_.add_nodes(model_.graph.nodes));
    if (!shared_.unsupported.empty()) return shared_.unsupported.to_error();
    SEALEDGE_TRY(add_outputs());
    SEALEDGE_ASSIGN(result_.graph, graph_.finish());
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
    // A model of other domains only needs no version of this one; its nodes are reported as unsupported.
    if (shared_.opset > kNewestOpset) {
      return Error{
          ErrorCode::kOpUnsupported,
          "operator set: expected at most " + std::to_string(kNewestOpset) + ", got " + std::to_string(shared_.opset),
          {{"domain", "ai.onnx"}, {"opsetVersion", std::to_string(shared_.opset)}}};
    }
    if (model_.graph.sparse_initializer_count > 0) {
      return Error{ErrorCode::kOpUnsupported, "sparse initializers are not supported"};
    }
    return {};
  }

  Result<void> add_functions() {
    for (const FunctionProto& function : model_.functions) {
      if (!shared_.functions.emplace(std::pair(function.domain, function.name), &function).second) {
        return invalid("function '" + printable(function.name) + "' is given twice");
      }
    }
    return {};
  }

  Result<void> add_initializers() {
    for (const TensorProto& tensor : model_.graph.initializers) {
      const size_t source = result_.sources.size();
      if (!initializers_.emplace(tensor.name, source).second) {
        return invalid("initializer '" + printable(tensor.name) + "' is given twice");
      }
      if (open_ && listed_.contains(tensor.name)) continue;
      SEALEDGE_TRY(graph_.add_initializer(tensor));
    }
    return {};
  }

  Result<void> list_inputs() {
    for (const ValueInfoProto& info : model_.graph.inputs) {
      if (!listed_.insert(info.name).second) return invalid("input '" + printable(info.name) + "' is listed twice");
    }
    return {};
  }

  Result<void> add_inputs() {
    for (const ValueInfoProto& info : model_.graph.inputs) {
      // In IR version 3 every initializer is listed, later those that may be fed.
      if (const auto found = initializers_.find(info.name); found != initializers_.end()) {
        result_.overridable.push_back({info, found->second});
        continue;
      }
      SEALEDGE_TRY(check_value_type(info, "input"));
      SEALEDGE_TRY(check_declared_size(info));
      SEALEDGE_TRY(graph_.add_input(info.name));
      result_.inputs.push_back(info);
    }
    for (const OverridableInput& input : result_.overridable) {
      if (open_) SEALEDGE_TRY(graph_.add_input(input.info.name));
    }
    return {};
  }

  // Dimensions that are not given may be 1.
  Result<void> check_declared_size(const ValueInfoProto& info) const {
    TensorFact least{static_cast<DataType>(info.elem_type), {}};
    for (const ValueInfoProto::Dim& dim : info.dims) least.dims.push_back(dim.value < 0 ? 1 : dim.value);
    const auto size = checked_size_bytes(least, shared_.limits.max_tensor_bytes);
    if (size.ok()) return {};
    return Error{size.error().code, "input '" + printable(info.name) + "': " + size.error().message};
  }

  Result<void> add_outputs() {
    if (model_.graph.outputs.empty()) return invalid("the graph has no outputs");
    NameSet seen;
    for (const ValueInfoProto& info : model_.graph.outputs) {
      if (!seen.insert(info.name).second) return invalid("output '" + printable(info.name) + "' is listed twice");
      SEALEDGE_TRY(graph_.add_output(info.name));
      result_.outputs.push_back(info);
    }
    return {};
  }

  const ModelProto& model_;
  const bool open_ = false;  // initializers that are inputs too are inputs only
  ImportedModel result_;
  ModelImport shared_;
  GraphImport graph_;
  NameSet listed_;
  NameMap<size_t> initializers_;
};

}  // namespace

Result<ImportedModel> import_model(const ModelProto& model, ConstantStore* store, const ModelLimits& limits) {
  return Importer(model, store, limits).run();
}

Result<Graph> import_open_graph(const ModelProto& model, const ImportedModel& imported, ConstantStore* store,
                                const ModelLimits& limits) {
  SEALEDGE_ASSIGN(ImportedModel open, Importer(model, imported, store, limits).run());
  return std::move(open.graph);
}

}  // namespace sealedge
