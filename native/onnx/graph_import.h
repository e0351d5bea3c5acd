// One graph of a model on its way from GraphProto to Graph: names, and the scopes they are looked up in.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/keyed_hash.h"
#include "onnx/import.h"
#include "onnx/node_import.h"
#include "onnx/unsupported_ops.h"

namespace sealedge {

// What all graphs of a model share while they are imported.
struct ModelImport {
  const ModelProto& model;
  const ModelLimits& limits;
  ConstantStore* store;
  ImportedModel* result;
  int64_t opset = 0;
  std::map<std::pair<std::string_view, std::string_view>, const FunctionProto*> functions = {};  // by domain and name
  // Of an earlier import of this model, by where the TensorProto begins.
  std::unordered_map<const uint8_t*, std::shared_ptr<Constant>> known = {};
  UnsupportedOps unsupported = {};
  size_t inlined_nodes = 0;  // of functions, which a small file can multiply
};

// The nodes of the main graph, of a body, or of a function that is put in place of its call. Names are found here, else
// in the graph around it; in a function never in the graph that calls it.
class GraphImport final : public BodyImporter {
 public:
  explicit GraphImport(ModelImport* shared) : shared_(shared), opset_(shared->opset) {}

  // Names must be new.
  Result<void> add_initializer(const TensorProto& tensor);
  Result<ValueId> add_input(std::string_view name);
  Result<void> add_nodes(std::span<const NodeProto> nodes);
  Result<void> add_output(std::string_view name);
  bool has(std::string_view name) const { return names_.contains(name); }
  // Nodes that are not needed are gone then, constants are folded.
  Result<Graph> finish();

  Result<ImportedBody> import_body(const GraphProto& proto) override;
  const ValueInfoProto* declared_input(ValueId id) const override;

 private:
  GraphImport(ModelImport* shared, GraphImport* outer)
      : shared_(shared), outer_(outer), opset_(outer->opset_), call_(outer->call_), depth_(outer->depth_ + 1) {}

  Result<ValueId> add_tensor(const TensorProto& tensor, std::string_view name);
  // Nothing when no graph has it; kNoValue for an input that a function's caller has omitted. A constant of an outer
  // graph is a constant here; other values become inputs.
  std::optional<ValueId> find(std::string_view name);
  // A value of the outer graph as one of this graph.
  ValueId take(ValueId outside, std::string_view name);
  Result<std::vector<ValueId>> find_inputs(const NodeProto& proto);
  Result<std::vector<ValueId>> declare_outputs(const NodeProto& proto);
  Result<void> add_node(const NodeProto& proto);
  Result<void> build(const NodeProto& proto, const OpImporter& importer);
  void forget_unmade(const NodeProto& proto, std::span<const ValueId> outputs, size_t nodes_before);
  int64_t opset_of(const NodeProto& proto) const;

  // --- functions (graph_import_function.cc)
  const FunctionProto* find_function(const NodeProto& proto) const;
  Result<void> inline_function(const NodeProto& call, const FunctionProto& function);
  // The node with the call's attributes where it refers to them.
  const NodeProto& with_attributes(const NodeProto& proto);

  struct Scope {
    NameMap<ValueId> names;
    GraphImport* outer;
    const NameMap<const AttributeProto*>* call;
    int64_t opset;
  };

  ModelImport* shared_;
  GraphImport* outer_ = nullptr;
  int64_t opset_;
  Graph graph_;
  NameMap<ValueId> names_;
  SequenceTable sequences_;
  std::vector<ValueId> captures_;                         // of the outer graph, as the last inputs of this one
  const NameMap<const AttributeProto*>* call_ = nullptr;  // attributes of the function call that is inlined
  size_t depth_ = 0;                                      // in bodies and function calls
};

}  // namespace sealedge
