// Puts the branch of an If in the If's place.
#pragma once

#include <vector>

#include "graph/graph.h"

namespace sealedge {

struct SplicedBranch {
  std::vector<Node> nodes;       // of the branch, in running order, naming values of the graph around it
  std::vector<ValueId> outputs;  // what the If's outputs are
};

// `branch` indexes node.bodies. Adds the branch's values to the graph; neither nodes nor outputs of the graph change.
SplicedBranch splice_branch(Graph* graph, const Node& node, size_t branch);

}  // namespace sealedge
