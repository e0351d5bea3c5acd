// ModelProto -> Graph: names resolved, operators built for the model's opset, legacy forms gone, nodes in running
// order.
#pragma once

#include <deque>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "graph/constant_store.h"
#include "graph/graph.h"
#include "onnx/model_proto.h"

namespace sealedge {

// Tensors up to this size are read at import, and must be inline in a model whose layouts are to be decided or whose
// weights lie elsewhere: shapes and axes are among them, and constants made of them are computed at once.
inline constexpr size_t kInlineTensorBytes = 1024;
// Newest operator set whose changes were looked at.
inline constexpr int64_t kNewestOpset = 28;
// Newest version of the file format itself that was looked at (onnx.proto, enum Version).
inline constexpr int64_t kNewestIrVersion = 14;

// An initializer that is listed as an input too: the input's default.
struct OverridableInput {
  ValueInfoProto info;
  size_t source = 0;  // of its initializer, into ImportedModel::sources
};

struct ImportedModel {
  Graph graph;
  std::vector<std::string_view> source_names;        // of the initializer, or of the Constant node's output
  std::vector<const TensorProto*> sources;           // what Constant::source counts; point into the ModelProto or below
  std::vector<std::shared_ptr<Constant>> constants;  // of the sources
  std::deque<NodeProto> rewritten_nodes;             // of functions, with the attributes of their calls
  std::vector<ValueInfoProto> inputs;   // as declared, without those that are initializers; graph.inputs in order
  std::vector<ValueInfoProto> outputs;  // graph.outputs in order
  std::vector<OverridableInput> overridable;
};

// Copies no tensor larger than kInlineTensorBytes: see load_constants(). Initializers that are also listed as inputs
// are constants here. Constants that are views or small results of constants are already folded. Fails with
// kModelInvalid, kLimitExceeded, or kOpUnsupported listing every operator that is missing: fields opType, domain,
// opsetVersion, node of the first, and `operators`, all of them as a JSON array of such objects.
Result<ImportedModel> import_model(const ModelProto& model, ConstantStore* store, const ModelLimits& limits = {});

// The graph of a model whose initializers that are inputs too are fed like other inputs: graph.inputs are those of
// `imported`, then its overridable ones. All other constants are shared with it, and must be loaded there.
Result<Graph> import_open_graph(const ModelProto& model, const ImportedModel& imported, ConstantStore* store,
                                const ModelLimits& limits);

}  // namespace sealedge
