#include "graph/passes/splice_branch.h"

#include "graph/control_flow.h"

namespace sealedge {

SplicedBranch splice_branch(Graph* graph, const Node& node, size_t branch) {
  const ControlFlow& control = *as_control_flow(*node.op);
  const Graph& body = *node.bodies[branch];
  size_t first_capture = control.own_inputs;
  for (size_t i = 0; i < branch; ++i) first_capture += control.captures[i];

  std::vector<ValueId> place(body.values.size(), kNoValue);
  for (size_t i = 0; i < body.inputs.size(); ++i) place[body.inputs[i]] = node.inputs[first_capture + i];
  const auto placed = [&](ValueId id) {
    if (id != kNoValue && place[id] == kNoValue) place[id] = graph->add_value(body.values[id]);
    return id == kNoValue ? kNoValue : place[id];
  };

  SplicedBranch spliced;
  spliced.nodes.reserve(body.nodes.size());
  for (const Node& original : body.nodes) {
    Node copy = original;
    for (ValueId& id : copy.inputs) id = placed(id);
    for (ValueId& id : copy.outputs) id = placed(id);
    spliced.nodes.push_back(std::move(copy));
  }
  for (ValueId id : body.outputs) spliced.outputs.push_back(placed(id));
  return spliced;
}

}  // namespace sealedge
