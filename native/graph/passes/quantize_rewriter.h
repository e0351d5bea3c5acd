// The graph while quantize_graph rewrites it: nodes are read in order from the old list and go, as they are or
// rewritten, to a new one. Rewrites look back from a node to what makes its inputs; nodes that nobody reads any more
// are dropped afterwards.
#pragma once

#include <initializer_list>
#include <optional>
#include <vector>

#include "core/result.h"
#include "graph/constant_store.h"
#include "graph/graph.h"
#include "graph/ops/quantised/quantized_ops.h"

namespace sealedge {

// A value that DequantizeLinear makes.
struct Dequantized {
  ValueId q;
  ValueId scale;
  ValueId zero_point;  // kNoValue: zeros
  int64_t axis;        // of scales with more than one element
  DataType type;       // of q; kUndefined: not known
};

// A QuantizeLinear with one scale for all, to 8 bits.
struct Quantizing {
  ValueId x;
  ValueId scale;
  ValueId zero_point;
  QuantizedType type;
};

// min(max(v, lo), hi), which Relu and Clip are, alone or several in a row.
struct Clamp {
  float lo, hi;
};

class QuantizeRewriter {
 public:
  QuantizeRewriter(Graph* graph, ConstantStore* store);
  using Rewrite = Result<bool> (*)(QuantizeRewriter* rewriter, const Node& node);
  // One sweep: for each node the first of the rewrites that takes it.
  Result<void> run(std::initializer_list<Rewrite> rewrites);

  Graph& graph() { return *graph_; }
  const Graph& graph() const { return *graph_; }
  ConstantStore* store() { return store_; }

  // --- looking back
  // The node that makes the value, among those that are there already; null for inputs and constants.
  const Node* producer(ValueId id) const;
  // The same, when nobody else reads the value.
  const Node* sole_producer(ValueId id) const;
  std::optional<Dequantized> dequantized(ValueId id) const;
  // With one scale for all, 8 bits, and a usual scale: what elementwise work asks.
  std::optional<QuantizedType> byte_type(const Dequantized& dequantized) const;
  std::optional<Quantizing> quantizing(const Node& node) const;
  // Steps back over Relu and Clip that only serve the asking node; *value becomes what they clamp.
  Clamp take_clamps(ValueId* value) const;
  // A constant with contents.
  const Constant* known(ValueId id) const;

  // --- writing
  void emit(Node node);
  ValueId add_value();
  Result<ValueId> add_bytes(const TensorFact& fact, const void* bytes);
  // Everything after reads `same` for `id`.
  void replace(ValueId id, ValueId same) { same_as_[id] = same; }

 private:
  std::optional<float> scalar_float(ValueId id) const;
  std::optional<int32_t> scalar_zero(ValueId id) const;
  DataType byte_type_of(ValueId q, ValueId zero_point) const;

  Graph* graph_;
  ConstantStore* store_;
  std::vector<Node> nodes_;        // the new list
  std::vector<size_t> producers_;  // value -> index into nodes_
  std::vector<uint32_t> uses_;     // in the old graph
  std::vector<ValueId> same_as_;
};

// Each looks at one node and returns whether it has emitted something in its place.
Result<bool> push_dequantize_through(QuantizeRewriter* rewriter, const Node& node);    // quantize_moves.cc
Result<bool> quantize_concat(QuantizeRewriter* rewriter, const Node& node);            // quantize_moves.cc
Result<bool> quantize_product(QuantizeRewriter* rewriter, const Node& node);           // quantize_products.cc
Result<bool> integer_product_with_bias(QuantizeRewriter* rewriter, const Node& node);  // quantize_products.cc
Result<bool> integer_product(QuantizeRewriter* rewriter, const Node& node);            // quantize_products.cc
Result<bool> quantize_binary(QuantizeRewriter* rewriter, const Node& node);            // quantize_elementwise.cc
Result<bool> quantize_rows(QuantizeRewriter* rewriter, const Node& node);              // quantize_elementwise.cc
Result<bool> tabulate(QuantizeRewriter* rewriter, const Node& node);                   // quantize_tables.cc

}  // namespace sealedge
