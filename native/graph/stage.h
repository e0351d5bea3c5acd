// What stages hand to one another (graph/plan.h). A graph that cannot be planned at once stays as it is, and each stage
// takes nodes from it: its graph is what the stage before had to leave, then the nodes that follow. What crosses from
// one stage to later ones goes through a table of the run, by slot: the ValueId in the whole graph, or a number above
// these for what the branch of an If brought. So a stage costs what it computes, not what comes after it.
#pragma once

#include <cstddef>
#include <memory>
#include <unordered_map>
#include <vector>

#include "graph/graph.h"

namespace sealedge {

// The graph that stages are taken from.
struct StagedGraph {
  explicit StagedGraph(std::shared_ptr<const Graph> whole);
  // Whether a node from `next_node` on reads the value, or it is an output.
  bool is_read_from(size_t next_node, ValueId slot) const {
    return slot < readers_end.size() && readers_end[slot] > next_node;
  }

  const std::shared_ptr<const Graph> graph;
  std::vector<size_t> readers_end;  // by value: behind the last node that reads it; SIZE_MAX: an output
};

// What the graph of a stage behind the first is to the whole one.
struct Leftover {
  std::shared_ptr<const StagedGraph> whole;
  size_t next_node = 0;               // of the whole graph: the first that is not in this one yet
  size_t fresh_nodes = 0;             // the last so many nodes of this one are those before next_node
  ValueId next_slot = 0;              // the first that is free
  std::vector<ValueId> input_slots;   // of Graph::inputs
  std::vector<ValueId> output_slots;  // of Graph::outputs
};

// What planning an earlier stage has computed. The same in every run that comes to a stage, since its graph was made
// when the stage before it was planned, for these constants.
struct StageConstant {
  TensorFact fact;  // may have other dims than the Constant (a view)
  std::shared_ptr<Constant> constant;
};
using StageConstants = std::unordered_map<ValueId, StageConstant>;

// What planning needs to know of the run to end a stage.
struct StageContext {
  std::shared_ptr<const Graph> whole;         // null: a copy of the graph that is planned
  const StageConstants* constants = nullptr;  // by slot
  bool is_interlude = false;                  // it runs at once: nothing is put off for being much work
};

}  // namespace sealedge
