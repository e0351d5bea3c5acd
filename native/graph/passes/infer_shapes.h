// Gives values their type and dims, for concrete graph inputs, as far as these can be known without running anything.
#pragma once

#include <cstddef>
#include <vector>

#include "core/result.h"
#include "graph/constant_store.h"
#include "graph/graph.h"

namespace sealedge {

// Elements of a graph input that are offered to planning are at most this large: shapes, axes, trip counts.
inline constexpr size_t kPlanContentBytes = 1024;

// What is left of the nodes where shapes depend on elements that a run has to compute first.
struct Unplanned {
  std::vector<Node> interludes;  // read nothing that is not known by then, but elements that are not constants
  std::vector<Node> rest;        // in running order, behind them
  // Graph inputs, by index: had their elements been constants, fewer interludes would be left.
  std::vector<size_t> wanted_inputs;
  // The last so many of the graph's nodes were not looked at, and are in neither list. Their inputs one after another,
  // omitted ones too: where an If was resolved, what its branch makes.
  size_t untouched = 0;
  std::vector<ValueId> untouched_inputs;
};

// How far to look behind nodes that have to wait. Without a bound a chain of n of them takes n * n steps.
struct Lookahead {
  size_t nodes = SIZE_MAX;        // that may come to `rest`
  size_t untouchable = SIZE_MAX;  // only so many of the last nodes may be left untouched
  bool all_work = false;          // nothing is an interlude for being too much work to plan
};

// Afterwards graph->nodes are those whose shapes are known. What follows from shapes and small constants alone becomes
// a constant on the way, so that Shape -> Gather -> Concat -> Reshape needs no run, and an If whose condition is such a
// constant becomes its branch. limit_bytes bounds each result computed here, and FoldBudget the work; in a secret
// store only those that no weight goes into, since what is computed from sealed weights must not be left to the arena.
// Precondition: facts of graph inputs are set.
Result<Unplanned> infer_shapes(Graph* graph, ConstantStore* store, size_t limit_bytes, const Lookahead& lookahead = {});

}  // namespace sealedge
