// Runs If, Loop and Scan.
#pragma once

#include <span>
#include <vector>

#include "core/result.h"
#include "engine/graph_run.h"
#include "graph/control_flow.h"

namespace sealedge {

// `alone` is a graph of the one node (graph/plan.h); inputs: one per graph input. Returns its graph outputs.
Result<std::vector<RunValue>> run_control_flow(const GraphRunner& runner, const Graph& alone,
                                               std::span<const RunValue> inputs);

// A node of control flow with all it reads. Operators' omitted inputs have no data.
struct ControlCall {
  const GraphRunner& runner;
  const Node& node;
  const ControlFlow& control;
  std::vector<RunValue> inputs;  // as Node::inputs

  // What a body takes from the graphs around it.
  std::span<const RunValue> captures(size_t body) const;
};

// Each returns one value per output of the operator, wanted or not.
Result<std::vector<RunValue>> run_if(const ControlCall& call);
Result<std::vector<RunValue>> run_loop(const ControlCall& call);
Result<std::vector<RunValue>> run_scan(const ControlCall& call);

// A condition or trip count: one element, rank 0 or 1.
Result<bool> bool_of(const RunValue& value, const char* what);
Result<int64_t> int64_of(const RunValue& value, const char* what);

}  // namespace sealedge
