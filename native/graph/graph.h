// A model between import and execution: values, and the operators that make them, in an order in which they can run.
//
// A Graph is made once per model by the importer, without shapes (but for constants), and copied for every plan: the
// copy gets concrete shapes, is rewritten by the passes and ends as steps. Constants and operators are shared, not
// copied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/function_ref.h"
#include "graph/limits.h"
#include "graph/op.h"
#include "graph/ops.h"
#include "graph/tensor.h"

namespace sealedge {

using ValueId = uint32_t;
inline constexpr ValueId kNoValue = UINT32_MAX;

// How one copy of a weight lies in memory. dims are those under which the layout is applied: a weight that reaches a
// MatMul through a Reshape is packed as the reshaped matrix.
struct WeightPlacement {
  WeightLayout layout = WeightLayout::kPlain;
  WeightSourceOrder order = WeightSourceOrder::kNone;
  Dims dims;
  bool operator==(const WeightPlacement&) const = default;
};

// The contents of one initializer, or of something computed from constants. Filled while loading, immutable afterwards.
struct Constant {
  TensorFact fact;
  size_t source = SIZE_MAX;           // the importer's index of the TensorProto; SIZE_MAX when computed
  const uint8_t* data = nullptr;      // row-major, if any consumer reads it so; in a ConstantStore
  std::shared_ptr<const void> owner;  // of data, where the store only lent it
  struct Packed {
    WeightPlacement placement;
    std::unique_ptr<WeightSource> weight;
  };
  std::vector<Packed> packed;
  std::shared_ptr<const void> store;  // of data else; null: one that outlives all plans

  const WeightSource* find(const WeightPlacement& placement) const;
};

struct Value {
  std::string name;
  TensorFact fact;                     // of constants always, of others once shapes are inferred
  std::shared_ptr<Constant> constant;  // set: fixed. fact may have other dims than the Constant (a view)
  Format format = Format::kRowMajor;   // of activations, once formats are assigned
};

struct Graph;
struct Leftover;

struct Node {
  OpPtr op;
  std::string name;                                  // of the ONNX node it came from
  std::vector<ValueId> inputs;                       // kNoValue: omitted
  std::vector<ValueId> outputs;                      // kNoValue: nobody wants it
  std::vector<std::shared_ptr<const Graph>> bodies;  // what an If, Loop or Scan runs (graph/control_flow.h)
  std::shared_ptr<const void> findings;              // of Op::infer_with_findings(), once shapes are inferred

  // The epilogue that passes have given to it (graph/epilogue.h).
  ValueId scale = kNoValue;
  ValueId shift = kNoValue;
  ValueId residual = kNoValue;
  Activation activation;

  bool has_epilogue() const {
    return scale != kNoValue || shift != kNoValue || residual != kNoValue || activation.kind != Activation::Kind::kNone;
  }
  template <typename Visit>
  void for_each_input(Visit visit) const {
    for (ValueId id : inputs) {
      if (id != kNoValue) visit(id);
    }
    for (ValueId id : {scale, shift, residual}) {
      if (id != kNoValue) visit(id);
    }
  }
};

struct Graph {
  std::vector<Value> values;
  std::vector<Node> nodes;  // every input is a graph input, a constant or an output of an earlier node
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  ModelLimits limits;
  std::shared_ptr<const Leftover> leftover;  // of a stage behind the first (graph/stage.h)

  ValueId add_value(Value value);
  // How often each value is read, by nodes and as graph output.
  std::vector<uint32_t> count_uses() const;
  // Which node makes each value; SIZE_MAX for inputs and constants.
  std::vector<size_t> find_producers() const;
  // Drops nodes that nothing needs, keeping order.
  void remove_dead_nodes();
};

// The graph itself, then the bodies of its nodes and theirs.
void for_each_graph(const Graph& graph, FunctionRef<void(const Graph&)> visit);

// Drops nodes that make nothing `needed`, and marks what the others read. For lists of nodes that follow one another,
// call from the last to the first.
void drop_dead_nodes(std::vector<Node>* nodes, std::vector<bool>* needed);

// What an operator sees of its inputs and outputs.
Operand operand_of(const Graph& graph, ValueId id);
std::vector<Operand> operands_of(const Graph& graph, const std::vector<ValueId>& ids);

// "Conv 'layer1/conv'", for messages; names from the file are cut and escaped.
std::string describe_node(const Node& node);
std::string printable(std::string_view name);

}  // namespace sealedge
