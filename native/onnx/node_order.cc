#include "onnx/node_order.h"

#include <cstdint>
#include <string>

#include "core/keyed_hash.h"
#include "graph/graph.h"

namespace sealedge {

Result<std::vector<size_t>> running_order(std::span<const NodeProto> nodes) {
  NameMap<size_t> makers;
  for (size_t i = 0; i < nodes.size(); ++i) {
    for (std::string_view output : nodes[i].outputs) {
      if (!output.empty() && !makers.emplace(output, i).second) {
        return Error{ErrorCode::kModelInvalid, "value '" + printable(output) + "' is made twice"};
      }
    }
  }

  // Depth-first from every node in file order; a node is placed after all it reads. The stack is explicit, because a
  // chain may be as long as the file.
  enum class State : uint8_t { kNew, kOpen, kPlaced };
  std::vector<State> states(nodes.size(), State::kNew);
  struct Visit {
    size_t node;
    size_t next_input;
  };
  std::vector<Visit> stack;
  std::vector<size_t> order;
  order.reserve(nodes.size());
  for (size_t root = 0; root < nodes.size(); ++root) {
    if (states[root] != State::kNew) continue;
    states[root] = State::kOpen;
    stack.push_back({root, 0});
    while (!stack.empty()) {
      Visit& visit = stack.back();
      const NodeProto& node = nodes[visit.node];
      if (visit.next_input == node.inputs.size()) {
        states[visit.node] = State::kPlaced;
        order.push_back(visit.node);
        stack.pop_back();
        continue;
      }
      const auto maker = makers.find(node.inputs[visit.next_input++]);
      if (maker == makers.end()) continue;
      State& state = states[maker->second];
      if (state == State::kOpen) {
        return Error{ErrorCode::kModelInvalid, "the graph has a cycle through value '" + printable(maker->first) + "'"};
      }
      if (state == State::kNew) {
        state = State::kOpen;
        stack.push_back({maker->second, 0});
      }
    }
  }
  return order;
}

}  // namespace sealedge
