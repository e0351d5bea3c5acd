#include "graph/graph.h"

#include <algorithm>
#include <string_view>

namespace sealedge {

const WeightSource* Constant::find(const WeightPlacement& placement) const {
  for (const Packed& copy : packed) {
    if (copy.placement == placement) return copy.weight.get();
  }
  return nullptr;
}

ValueId Graph::add_value(Value value) {
  values.push_back(std::move(value));
  return static_cast<ValueId>(values.size() - 1);
}

std::vector<uint32_t> Graph::count_uses() const {
  std::vector<uint32_t> uses(values.size(), 0);
  for (const Node& node : nodes) node.for_each_input([&](ValueId id) { ++uses[id]; });
  for (ValueId id : outputs) ++uses[id];
  return uses;
}

std::vector<size_t> Graph::find_producers() const {
  std::vector<size_t> producers(values.size(), SIZE_MAX);
  for (size_t i = 0; i < nodes.size(); ++i) {
    for (ValueId id : nodes[i].outputs) {
      if (id != kNoValue) producers[id] = i;
    }
  }
  return producers;
}

void Graph::remove_dead_nodes() {
  std::vector<bool> needed(values.size(), false);
  for (ValueId id : outputs) needed[id] = true;
  drop_dead_nodes(&nodes, &needed);
}

void for_each_graph(const Graph& graph, FunctionRef<void(const Graph&)> visit) {
  visit(graph);
  for (const Node& node : graph.nodes) {
    for (const auto& body : node.bodies) for_each_graph(*body, visit);
  }
}

void drop_dead_nodes(std::vector<Node>* nodes, std::vector<bool>* needed) {
  std::vector<bool> alive(nodes->size(), false);
  for (size_t i = nodes->size(); i-- > 0;) {
    for (ValueId& id : (*nodes)[i].outputs) {
      if (id != kNoValue && (*needed)[id]) {
        alive[i] = true;
      } else {
        id = kNoValue;
      }
    }
    if (alive[i]) (*nodes)[i].for_each_input([&](ValueId id) { (*needed)[id] = true; });
  }
  size_t kept = 0;
  for (size_t i = 0; i < nodes->size(); ++i) {
    if (!alive[i]) continue;
    if (kept != i) (*nodes)[kept] = std::move((*nodes)[i]);
    ++kept;
  }
  nodes->resize(kept);
}

Operand operand_of(const Graph& graph, ValueId id) {
  Operand operand;
  if (id == kNoValue) return operand;
  const Value& value = graph.values[id];
  operand.present = true;
  operand.type = value.fact.type;
  operand.dims = value.fact.dims;
  operand.format = value.format;
  operand.constant = value.constant != nullptr;
  if (value.constant) operand.data = value.constant->data;
  return operand;
}

std::vector<Operand> operands_of(const Graph& graph, const std::vector<ValueId>& ids) {
  std::vector<Operand> operands;
  operands.reserve(ids.size());
  for (ValueId id : ids) operands.push_back(operand_of(graph, id));
  return operands;
}

std::string printable(std::string_view name) {
  constexpr size_t kLongest = 100;
  std::string text;
  for (char c : name.substr(0, kLongest)) text += (c < 0x20 || c == 0x7f) ? '?' : c;
  if (name.size() > kLongest) text += "...";
  return text;
}

std::string describe_node(const Node& node) {
  std::string text = node.op->op_type();
  if (!node.name.empty()) text += " '" + printable(node.name) + "'";
  return text;
}

}  // namespace sealedge
