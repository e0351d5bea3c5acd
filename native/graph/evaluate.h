// Runs an operator while planning, so that what depends on constants and shapes alone is a constant of the plan.
#pragma once

#include <cstddef>
#include <vector>

#include "core/result.h"
#include "graph/constant_store.h"
#include "graph/graph.h"

namespace sealedge {

// What may be computed from constants alone, for each result and in all. Many nodes may each be small, and a small one
// may take hours (Op::work): a file of a few bytes can ask for anything. What is too much is left for the run, which
// can be aborted.
class FoldBudget {
 public:
  explicit FoldBudget(size_t limit_bytes);

  // The bytes that a kernel may read, write or use as scratch, each.
  size_t limit_bytes() const;
  // Whether so much may be done, which is then spent.
  bool take_work(double work);
  void spend_bytes(size_t size_bytes);

 private:
  size_t limit_bytes_;
  size_t bytes_left_;
  double work_left_;
};

// Makes the outputs of graph->nodes[index] constants, if they can be: all inputs are constants (or only their dims
// matter), the bytes that must be read are there, and the budget has room (null: no bounds). A view of a constant costs
// nothing and is always taken. False: left as it is. Precondition: facts of inputs and outputs are set and checked.
Result<bool> make_constant(Graph* graph, size_t index, ConstantStore* store, FoldBudget* budget);

// The same without asking: runs the node on its constant inputs, in their formats, and makes its outputs constants.
// Precondition: every present input has data (or only dims matter).
Result<void> evaluate_node(Graph* graph, size_t index, ConstantStore* store);

// graph->values[...].fact of the node's outputs, and its findings, from Op::infer on its inputs; checked against the
// limits of graph/tensor.h.
Result<void> infer_node(Graph* graph, Node* node);

}  // namespace sealedge
