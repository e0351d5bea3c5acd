// If, Loop and Scan: nodes whose work is another graph (Node::bodies). They are never steps of a plan. The branch of an
// If whose condition is known when planning takes the node's place; all others are run by the engine between two stages
// (graph/plan.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "graph/op.h"
#include "graph/ops.h"

namespace sealedge {

// Node::inputs are the operator's own inputs (own_inputs of them, kNoValue where omitted), then what bodies[0] takes
// from the graphs around it, then bodies[1]. The inputs of a body are its formal ones, then what it takes.
struct ControlFlow {
  enum class Kind : uint8_t { kIf, kLoop, kScan };
  Kind kind = Kind::kIf;
  size_t own_inputs = 0;
  std::vector<size_t> captures;  // per body

  size_t states = 0;  // values that one iteration hands to the next

  // Loop: the body's first inputs are declared with rank 1 instead of 0, as some exporters do.
  bool iteration_has_rank_1 = false;
  bool condition_has_rank_1 = false;

  // Scan
  struct Walk {
    int64_t axis = 0;
    bool backwards = false;
  };
  std::vector<Walk> scan_inputs;
  std::vector<Walk> scan_outputs;  // of a Loop too, along axis 0
  bool batched = false;            // Scan-8: axis 0 of every input is the batch, and sequence_lens comes first

  // What the body's outputs are declared as, -1 where open: the shape of scan outputs when there is no iteration.
  std::vector<TensorFact> declared_outputs;
};

OpPtr make_control_flow(ControlFlow control);
// Null for other operators.
const ControlFlow* as_control_flow(const Op& op);

}  // namespace sealedge
