#include "graph/passes/assign_formats.h"

#include <unordered_map>

#include "graph/evaluate.h"

namespace sealedge {

namespace {

class FormatAssigner {
 public:
  explicit FormatAssigner(Graph* graph) : graph_(graph) {}

  void run() {
    std::vector<Node> nodes = std::move(graph_->nodes);
    graph_->nodes.clear();
    for (Node& node : nodes) {
      assign(&node);
      graph_->nodes.push_back(std::move(node));
    }
    for (ValueId& id : graph_->outputs) id = in_format(id, Format::kRowMajor);
  }

 private:
  void assign(Node* node) {
    const FormatChoice choice =
        node->op->choose_formats(operands_of(*graph_, node->inputs), operands_of(*graph_, node->outputs));
    for (size_t i = 0; i < node->inputs.size() && i < choice.inputs.size(); ++i) {
      if (node->inputs[i] != kNoValue) node->inputs[i] = in_format(node->inputs[i], choice.inputs[i]);
    }
    for (size_t i = 0; i < node->outputs.size() && i < choice.outputs.size(); ++i) {
      if (node->outputs[i] != kNoValue) graph_->values[node->outputs[i]].format = choice.outputs[i];
    }
    if (node->residual != kNoValue) node->residual = in_format(node->residual, choice.outputs[0]);
  }

  // The value itself, or one that holds the same in the other format. Where both formats coincide the planner finds the
  // conversion to be a view.
  ValueId in_format(ValueId id, Format format) {
    if (graph_->values[id].format == format || graph_->values[id].fact.dims.size() < 3) return id;
    if (const auto found = converted_.find(id); found != converted_.end()) return found->second;
    Value value;
    value.name = graph_->values[id].name;
    value.fact = graph_->values[id].fact;
    value.format = format;
    const ValueId result = graph_->add_value(std::move(value));
    Node conversion;
    conversion.op = make_convert_format(format);
    conversion.inputs = {id};
    conversion.outputs = {result};
    graph_->nodes.push_back(std::move(conversion));
    converted_[id] = result;
    converted_[result] = id;
    return result;
  }

  Graph* graph_;
  std::unordered_map<ValueId, ValueId> converted_;
};

}  // namespace

void assign_formats(Graph* graph) { FormatAssigner(graph).run(); }

Result<void> convert_constants(Graph* graph, ConstantStore* store) {
  for (size_t i = 0; i < graph->nodes.size(); ++i) {
    const Node& node = graph->nodes[i];
    if (node.inputs.size() != 1 || !graph->values[node.inputs[0]].constant || !is_convert_format(*node.op)) continue;
    SEALEDGE_TRY(evaluate_node(graph, i, store));
  }
  std::erase_if(graph->nodes, [&](const Node& node) {
    return is_convert_format(*node.op) && graph->values[node.outputs[0]].constant != nullptr;
  });
  return {};
}

}  // namespace sealedge
