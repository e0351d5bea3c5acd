// How to run a model for given input dims: kernels in order, with every pointer known but for the base of the arena and
// the caller's inputs. Immutable; any number of runs share it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "graph/constant_store.h"
#include "graph/derived_constants.h"
#include "graph/graph.h"
#include "graph/memory_plan.h"

namespace sealedge {

// What follows from shapes and constants alone is computed when planning, up to this size; of a sealed model without a
// bound, because what is computed from weights must not reach the arena.
inline constexpr size_t kPlanConstantBytes = size_t{1} << 20;

struct PlanStep {
  std::unique_ptr<Kernel> kernel;
  std::string name;  // describe_node(), for errors and profiles
  std::vector<Location> inputs;
  std::vector<Location> outputs;
  Location scale, shift, residual;
  size_t scratch_offset_bytes = 0;
};

struct PlanOutput {
  TensorFact fact;
  Location location;
};

struct Plan {
  std::vector<Dims> input_dims;  // what it was made for
  std::vector<PlanStep> steps;
  std::vector<PlanOutput> outputs;
  size_t arena_bytes = 0;
  bool arena_is_secret = false;                       // sealed model, and a step may copy weights into it
  std::unique_ptr<ConstantStore> constants;           // computed from shapes; the model's are the model's
  std::vector<std::shared_ptr<const Constant>> keep;  // whose data or weights the steps point to
};

struct PlanOptions {
  ConstantStore::Kind constants = ConstantStore::Kind::kOrdinary;
  unsigned threads = 1;
};

// `model` is the imported graph with its constants loaded. inputs: one fact per graph input.
Result<std::unique_ptr<const Plan>> make_plan(const Graph& model, const std::vector<TensorFact>& inputs,
                                              DerivedConstants* derived, const PlanOptions& options);

// The layout in which a constant input of a node is wanted; kPlain unless the operator asks otherwise and it is
// possible.
WeightPlacement wanted_placement(const Graph& graph, const Node& node, size_t input);

}  // namespace sealedge
