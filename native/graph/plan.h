// How to run a graph for given inputs: kernels in order, with every pointer known but for the base of the arena and the
// caller's inputs. Immutable; any number of runs share it.
//
// Most models are one plan. Where a shape depends on elements that have to be computed first (what NonZero finds, a
// Reshape to computed dims) or a node runs graphs of its own (Loop), a plan is a stage:
//
//   steps        all nodes whose shapes are known
//   interludes   nodes that can run now that their inputs' elements are there, each planned for these elements alone
//   rest         the graph of the next stage (graph/stage.h), planned like any graph, for dims
//
// What a run computes never decides which plan is used, but for its dims: the number of plans depends on the shapes
// met.
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
#include "graph/stage.h"

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
  bool secret = false;  // may hold elements of a sealed model's weights
};

// What is known of a graph input when planning.
struct PlanInput {
  TensorFact fact;
  // Set: the plan is for these elements, which are a constant in it. Copied, unless they outlive the plan.
  const uint8_t* data = nullptr;
  bool outlives_plan = false;
  bool secret = false;  // as in PlanOutput
};

struct PlannedInput {
  TensorFact fact;
  std::shared_ptr<const Constant> contents;  // null: for any elements
  bool secret = false;
};

// A node between two stages: a graph of this node alone.
struct Interlude {
  std::shared_ptr<const Graph> graph;
  std::vector<size_t> inputs;  // outputs of the stage
};

// What a stage makes for later ones.
struct KeptValue {
  size_t interlude = SIZE_MAX;  // SIZE_MAX: of the stage itself
  size_t output = 0;
  ValueId slot = 0;
};

struct Plan {
  std::vector<PlannedInput> inputs;  // what it was made for
  std::vector<PlanStep> steps;
  std::vector<PlanOutput> outputs;    // of the graph; if is_stage, what the fields below refer to
  std::vector<size_t> wanted_inputs;  // had their elements been given, fewer interludes would be left
  bool is_stage = false;
  std::vector<Interlude> interludes;
  std::vector<KeptValue> kept;
  StageConstants kept_constants;
  std::vector<ValueId> forgotten;     // slots that nothing reads any more
  std::shared_ptr<const Graph> rest;  // null: the last stage, the whole graph's outputs are in their slots
  size_t arena_bytes = 0;
  bool arena_is_secret = false;                       // sealed model, and a step may copy weights into it
  std::shared_ptr<ConstantStore> constants;           // computed from shapes; the model's are the model's
  std::vector<std::shared_ptr<const Constant>> keep;  // whose data or weights the steps point to
};

struct PlanOptions {
  ConstantStore::Kind constants = ConstantStore::Kind::kOrdinary;
  unsigned threads = 1;
};

// `graph` has its constants loaded. inputs: one per graph input.
Result<std::unique_ptr<const Plan>> make_plan(const Graph& graph, const std::vector<PlanInput>& inputs,
                                              DerivedConstants* derived, const PlanOptions& options,
                                              const StageContext& context = {});

// Numbers that could be somebody's work: not indices or shapes (integers of 8 bits are quantised weights), and more
// than an epsilon or a scale.
bool could_be_weights(const TensorFact& fact);

// The layout in which a constant input of a node is wanted; kPlain unless the operator asks otherwise and it is
// possible.
WeightPlacement wanted_placement(const Graph& graph, const Node& node, size_t input);

}  // namespace sealedge
