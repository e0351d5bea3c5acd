// A hostile ONNX file under importer, constant folding, shape inference and planner, for two sizes of its free
// dimensions. What the planner returns must be a plan: everything inside the arena, nothing beyond the limits.
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "fuzz/model_limits.h"
#include "graph/derived_constants.h"
#include "graph/plan.h"
#include "onnx/import.h"
#include "onnx/load_constants.h"

namespace {

using sealedge::Location;

void require(bool condition) {
  if (!condition) abort();
}

void check_location(const sealedge::Plan& plan, const Location& location, size_t inputs) {
  if (location.kind == Location::Kind::kArena) require(location.offset_bytes < plan.arena_bytes);
  if (location.kind == Location::Kind::kInput) require(location.input < inputs);
}

void check_plan(const sealedge::Plan& plan, const sealedge::ModelLimits& limits, size_t inputs) {
  require(plan.arena_bytes <= limits.max_arena_bytes);
  for (const sealedge::PlanStep& step : plan.steps) {
    require(step.kernel != nullptr);
    for (const Location& location : step.inputs) check_location(plan, location, inputs);
    for (const Location& location : step.outputs) {
      check_location(plan, location, inputs);
      require(location.kind == Location::Kind::kNone || location.kind == Location::Kind::kArena);
    }
  }
  for (const sealedge::PlanOutput& output : plan.outputs) {
    check_location(plan, output.location, inputs);
    const auto size = sealedge::checked_size_bytes(output.fact, limits.max_tensor_bytes);
    require(size.ok());
    if (output.location.kind == Location::Kind::kArena) {
      require(*size <= plan.arena_bytes - output.location.offset_bytes);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const sealedge::ModelLimits limits = sealedge::fuzz::model_limits();
  const auto proto = sealedge::parse_model({data, size}, limits);
  if (!proto.ok()) return 0;
  sealedge::ConstantStore store(sealedge::ConstantStore::Kind::kOrdinary, limits.max_constant_bytes);
  auto model = sealedge::import_model(*proto, &store, limits);
  if (!model.ok()) return 0;
  sealedge::NoExternalData external;
  if (!sealedge::load_constants(&*model, &external, &store).ok()) return 0;
  sealedge::DerivedConstants derived(&store);
  for (const int64_t free_dim : {3, 0}) {
    std::vector<sealedge::TensorFact> inputs;
    for (const sealedge::ValueInfoProto& info : model->inputs) {
      sealedge::TensorFact& fact = inputs.emplace_back();
      fact.type = static_cast<sealedge::DataType>(info.elem_type);
      for (const auto& dim : info.dims) fact.dims.push_back(dim.value < 0 ? free_dim : dim.value);
    }
    const auto plan = sealedge::make_plan(model->graph, inputs, &derived, {});
    if (plan.ok()) check_plan(**plan, limits, inputs.size());
  }
  return 0;
}
