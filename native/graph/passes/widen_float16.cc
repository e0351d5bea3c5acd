#include "graph/passes/widen_float16.h"

#include <algorithm>
#include <optional>

#include "core/weight_packing.h"

namespace sealedge {

namespace {

bool is_half(const Graph& graph, ValueId id) {
  return id != kNoValue && graph.values[id].fact.type == DataType::kFloat16;
}

bool packs_weights(const Graph& graph, const Node& node) {
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (!is_half(graph, node.inputs[i])) continue;
    const TensorFact wide{DataType::kFloat32, graph.values[node.inputs[i]].fact.dims};
    if (node.op->weight_request(i, wide).layout != WeightLayout::kPlain) return true;
  }
  return false;
}

class Widening {
 public:
  Widening(Graph* graph, DerivedConstants* derived, ConstantStore* store)
      : graph_(graph),
        derived_(derived),
        store_(store),
        wide_(graph->values.size(), kNoValue),
        made_(graph->values.size(), true) {}

  Result<void> run() {
    std::vector<Node> nodes = std::move(graph_->nodes);
    graph_->nodes.clear();
    for (Node& node : nodes) {
      if (can_widen(node)) {
        SEALEDGE_TRY(widen(&node));
      } else {
        read_as_declared(&node);
      }
      graph_->nodes.push_back(std::move(node));
    }
    for (ValueId id : graph_->outputs) narrow(id);
    return {};
  }

 private:
  // Every float16 output would be the same in float32, and the node would accept its inputs so.
  bool can_widen(const Node& node) const {
    if (!node.bodies.empty() || node.inputs.empty() || node.inputs[0] == kNoValue) return false;
    // What makes float16 of another type is a cast, and rounds.
    const DataType first = graph_->values[node.inputs[0]].fact.type;
    if (first != DataType::kFloat16 && first != DataType::kBool) return false;
    std::vector<Operand> inputs = operands_of(*graph_, node.inputs);
    bool computed = false;
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!is_half(*graph_, node.inputs[i])) continue;
      if (node.op->needs_contents(i) || (inputs[i].constant && !inputs[i].data)) return false;
      computed |= !inputs[i].constant;
      inputs[i].type = DataType::kFloat32;
      inputs[i].data = nullptr;
    }
    // A selection from a table of constants stays one: the table may be large.
    if (!computed) return false;
    const auto facts = node.op->infer(inputs);
    if (!facts.ok() || facts->size() < node.outputs.size()) return false;
    bool widens = false;
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] == kNoValue) continue;
      TensorFact expected = graph_->values[node.outputs[i]].fact;
      if (expected.type == DataType::kFloat16) {
        expected.type = DataType::kFloat32;
        widens = true;
      }
      if (graph_->values[node.outputs[i]].constant || (*facts)[i].type != expected.type ||
          (*facts)[i].dims != expected.dims) {
        return false;
      };
    }
    return widens;
  }

  Result<void> widen(Node* node) {
    for (size_t i = 0; i < node->inputs.size(); ++i) {
      const ValueId id = node->inputs[i];
      if (!is_half(*graph_, id)) continue;
      if (graph_->values[id].constant) {
        SEALEDGE_ASSIGN(node->inputs[i], wide_constant(*node, i));
      } else {
        node->inputs[i] = wide(id);
      }
    }
    for (ValueId& id : node->outputs) {
      if (!is_half(*graph_, id)) continue;
      const ValueId result = add_value(id);
      made_[id] = false;
      wide_[id] = result;
      id = result;
    }
    return {};
  }

  ValueId wide(ValueId id) {
    if (wide_[id] == kNoValue) {
      wide_[id] = add_value(id);
      graph_->nodes.push_back(cast(id, wide_[id], DataType::kFloat32));
    }
    return wide_[id];
  }

  Result<ValueId> wide_constant(const Node& node, size_t input) {
    const Value& value = graph_->values[node.inputs[input]];
    if (value.constant->source == SIZE_MAX) {
      const ValueId half = node.inputs[input];
      // Once: many nodes may read it.
      if (wide_[half] != kNoValue) return wide_[half];
      SEALEDGE_ASSIGN(std::shared_ptr<Constant> computed, widen_constant(*value.constant, store_));
      const ValueId id = add_value(half);
      graph_->values[id].constant = std::move(computed);
      wide_[half] = id;
      return id;
    }
    const TensorFact fact{DataType::kFloat32, value.fact.dims};
    const WeightRequest request = node.op->weight_request(input, fact);
    // Under other dims than its own it is packed by the plan that wants it so.
    const bool packed =
        fact.dims == value.constant->fact.dims && weight_geometry(request.layout, request.order, fact.dims).ok();
    const WeightPlacement placement =
        packed && request.layout != WeightLayout::kPlain
            ? WeightPlacement{request.layout, request.order, fact.dims}
            : WeightPlacement{WeightLayout::kPlain, WeightSourceOrder::kNone, value.constant->fact.dims};
    SEALEDGE_ASSIGN(std::shared_ptr<Constant> constant, derived_->widened(value.constant, placement));
    const ValueId id = add_value(node.inputs[input]);
    graph_->values[id].constant = std::move(constant);
    return id;
  }

  void read_as_declared(Node* node) {
    for (ValueId& id : node->inputs) {
      if (id == kNoValue || made_[id]) continue;
      if (node->op->needs_only_dims()) {
        id = wide_[id];
      } else {
        narrow(id);
      }
    }
  }

  void narrow(ValueId id) {
    if (made_[id]) return;
    made_[id] = true;
    graph_->nodes.push_back(cast(wide_[id], id, DataType::kFloat16));
  }

  static Node cast(ValueId from, ValueId to, DataType type) {
    Node node;
    node.op = make_cast(type);
    node.inputs = {from};
    node.outputs = {to};
    return node;
  }

  ValueId add_value(ValueId half) {
    Value value;
    value.name = graph_->values[half].name;
    value.fact = {DataType::kFloat32, graph_->values[half].fact.dims};
    wide_.push_back(kNoValue);
    made_.push_back(true);
    return graph_->add_value(std::move(value));
  }

  Graph* graph_;
  DerivedConstants* derived_;
  ConstantStore* store_;
  std::vector<ValueId> wide_;  // by value: the same in float32
  std::vector<bool> made_;     // by value: some node, input or constant gives it as it is declared
};

}  // namespace

Result<void> widen_float16(Graph* graph, DerivedConstants* derived, ConstantStore* store) {
  const bool worthwhile = std::any_of(graph->nodes.begin(), graph->nodes.end(),
                                      [&](const Node& node) { return packs_weights(*graph, node); });
  return worthwhile ? Widening(graph, derived, store).run() : Result<void>();
}

}  // namespace sealedge
