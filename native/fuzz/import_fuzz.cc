// A hostile ONNX file under importer, constant folding, shape inference and planner, for several sizes of its
// free dimensions, with the elements of small inputs known and not. What the planner returns must be a plan: everything
// inside the arena, nothing beyond the limits.
#include <array>
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

// The elements of small inputs, where a plan may depend on them: 1 in each byte, so small in no type.
alignas(64) constexpr std::array<uint8_t, 256> kOnes = [] {
  std::array<uint8_t, 256> bytes{};
  bytes.fill(1);
  return bytes;
}();

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
  if (!proto.ok()) return -1;  // no seed: the target wire is for those
  sealedge::ConstantStore store(sealedge::ConstantStore::Kind::kOrdinary, limits.max_constant_bytes);
  auto model = sealedge::import_model(*proto, &store, limits);
  // Refused, and so would be nearly everything derived from it: no seed either. One change away from each seed is
  // enough.
  if (!model.ok()) return -1;
  sealedge::NoExternalData external;
  if (!sealedge::load_constants(&*model, &external, &store).ok()) return 0;
  sealedge::DerivedConstants derived(&store);
  struct Variant {
    int64_t free_dim;
    bool contents;
  };
  for (const auto& [free_dim, contents] : {Variant{3, false}, Variant{0, false}, Variant{2, true}}) {
    std::vector<sealedge::PlanInput> inputs;
    for (const sealedge::ValueInfoProto& info : model->inputs) {
      sealedge::PlanInput& input = inputs.emplace_back();
      input.fact.type = static_cast<sealedge::DataType>(info.elem_type);
      for (const auto& dim : info.dims) input.fact.dims.push_back(dim.value < 0 ? free_dim : dim.value);
      if (const auto bytes = sealedge::checked_size_bytes(input.fact, kOnes.size()); contents && bytes.ok()) {
        input.data = kOnes.data();
      }
    }
    const auto plan = sealedge::make_plan(model->graph, inputs, &derived, {});
    if (plan.ok()) check_plan(**plan, limits, inputs.size());
  }
  return 0;
}
