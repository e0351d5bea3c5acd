#include "graph/plan.h"

#include <cstring>

#include "core/weight_packing.h"
#include "graph/passes/assign_formats.h"
#include "graph/passes/cancel_transposes.h"
#include "graph/passes/derive_requantization.h"
#include "graph/passes/fusion.h"
#include "graph/passes/infer_shapes.h"
#include "graph/passes/merge_pads.h"
#include "graph/passes/widen_float16.h"
#include "graph/stage_cut.h"

namespace sealedge {

namespace {

Error in_node(const Node& node, Error error) {
  error.message = describe_node(node) + ": " + error.message;
  return error;
}

// The epilogue's vectors as kernels may rely on them.
Result<EpilogueSetup> epilogue_of(const Graph& graph, const Node& node) {
  EpilogueSetup setup;
  if (!node.has_epilogue()) return setup;  // its first output may be one that nobody reads
  setup.has_scale = node.scale != kNoValue;
  setup.has_shift = node.shift != kNoValue;
  setup.has_residual = node.residual != kNoValue;
  setup.activation = node.activation;
  if (setup.empty()) return setup;
  const Dims& output = graph.values[node.outputs[0]].fact.dims;
  const EpilogueSupport support = node.op->epilogue_support(operands_of(graph, node.inputs));
  const auto rank = static_cast<int64_t>(output.size());
  const int64_t axis = support.channel_axis < 0 ? support.channel_axis + rank : support.channel_axis;
  for (ValueId id : {node.scale, node.shift}) {
    if (id == kNoValue) continue;
    const TensorFact& fact = graph.values[id].fact;
    if (fact.type != DataType::kFloat32 || axis < 0 || axis >= rank ||
        element_count(fact.dims) != output[static_cast<size_t>(axis)]) {
      return Error{ErrorCode::kShapeMismatch,
                   "bias: expected one float32 per output channel, got " + dims_to_string(fact.dims)};
    }
  }
  return setup;
}

class Planner {
 public:
  Planner(const Graph& graph, const PlanOptions& options, const StageContext& context, Plan* plan)
      : source_(graph), graph_(graph), options_(options), context_(context), plan_(plan) {}

  Result<void> run(const std::vector<PlanInput>& inputs, DerivedConstants* derived) {
    for (size_t i = 0; i < inputs.size(); ++i) SEALEDGE_TRY(add_input(inputs[i], graph_.inputs[i]));
    Lookahead lookahead = stage_lookahead(graph_);
    lookahead.all_work = context_.is_interlude;
    SEALEDGE_ASSIGN(Unplanned unplanned, infer_shapes(&graph_, plan_->constants.get(), kPlanConstantBytes, lookahead));
    if (unplanned.interludes.empty() && !unplanned.rest.empty()) {
      return in_node(unplanned.rest[0], {ErrorCode::kModelInvalid, "reads a value that nothing makes"});
    }
    if (graph_.leftover || !unplanned.interludes.empty() || unplanned.untouched > 0) {
      StageContext context = context_;
      if (!context.whole && !graph_.leftover) context.whole = std::make_shared<const Graph>(source_);
      cut_stage(&graph_, std::move(unplanned), context, plan_);
    } else {
      plan_->wanted_inputs = std::move(unplanned.wanted_inputs);
    }
    SEALEDGE_TRY(widen_float16(&graph_, derived, plan_->constants.get()));
    cancel_transposes(&graph_);
    merge_pads(&graph_);
    SEALEDGE_TRY(derive_requantization(&graph_, derived));
    SEALEDGE_TRY(fuse_epilogues(&graph_, derived));
    assign_formats(&graph_);
    SEALEDGE_TRY(convert_constants(&graph_, plan_->constants.get()));
    graph_.remove_dead_nodes();

    may_be_secret_.resize(graph_.values.size(), false);
    SEALEDGE_TRY(prepare_kernels());
    SEALEDGE_ASSIGN(const MemoryPlan memory, plan_memory(graph_, scratch_bytes_, graph_.limits.max_arena_bytes));
    return make_steps(memory);
  }

 private:
  Result<void> add_input(const PlanInput& input, ValueId id) {
    SEALEDGE_ASSIGN(const size_t size_bytes, checked_size_bytes(input.fact, graph_.limits.max_tensor_bytes));
    Value& value = graph_.values[id];
    value.fact = input.fact;
    PlannedInput planned{input.fact, nullptr, input.secret};
    if (input.data) {
      auto constant = std::make_shared<Constant>();
      constant->fact = input.fact;
      constant->data = input.data;
      if (!input.outlives_plan) {
        SEALEDGE_ASSIGN(uint8_t* copy, plan_->constants->allocate(size_bytes));
        if (size_bytes > 0) std::memcpy(copy, input.data, size_bytes);
        constant->data = copy;
        constant->store = plan_->constants;
      }
      value.constant = constant;
      planned.contents = std::move(constant);
    }
    plan_->inputs.push_back(std::move(planned));
    may_be_secret_.resize(graph_.values.size(), false);
    may_be_secret_[id] = input.secret;
    return {};
  }

  bool sealed() const { return options_.constants == ConstantStore::Kind::kSecret; }
  // A weight that planning has computed (a DequantizeLinear of fixed numbers) is there row-major: packed here, once,
  // and not by its kernel in every run.
  Result<const WeightSource*> pack_computed(const Constant& computed, const WeightPlacement& placement) {
    SEALEDGE_ASSIGN(const WeightGeometry geometry, weight_geometry(placement.layout, placement.order, placement.dims));
    SEALEDGE_ASSIGN(uint8_t* packed, plan_->constants->allocate(geometry.size_bytes));
    pack_weight(geometry, computed.data, packed);
    auto holder = std::make_shared<Constant>();
    holder->fact = computed.fact;
    holder->packed.push_back({placement, std::make_unique<ResidentWeightSource>(packed, geometry.size_bytes)});
    const WeightSource* weight = holder->packed[0].weight.get();
    plan_->keep.push_back(std::move(holder));
    return weight;
  }

  Result<void> prepare_kernels() {
    for (const Node& node : graph_.nodes) {
      kernels_.emplace_back();
      scratch_bytes_.push_back(0);
      if (node_is_view(graph_, node)) {
        may_be_secret_[node.outputs[0]] = may_be_secret_[node.inputs[0]];
        continue;
      }
      std::vector<Operand> inputs = operands_of(graph_, node.inputs);
      const std::vector<Operand> outputs = operands_of(graph_, node.outputs);
      for (size_t i = 0; i < inputs.size(); ++i) {
        if (!inputs[i].present) continue;
        if (!inputs[i].constant) {
          if (may_be_secret_[node.inputs[i]] && node.op->may_copy_input(i)) copies_weights_ = true;
          continue;
        }
        const std::shared_ptr<Constant>& constant = graph_.values[node.inputs[i]].constant;
        const WeightPlacement placement = wanted_placement(graph_, node, i);
        if (placement.layout != WeightLayout::kPlain) {
          inputs[i].weight = constant->find(placement);
          if (!inputs[i].weight && constant->data && constant->source == SIZE_MAX) {
            SEALEDGE_ASSIGN(inputs[i].weight, pack_computed(*constant, placement));
          }
        }
        if (!inputs[i].weight && !constant->data) {
          return in_node(node,
                         {ErrorCode::kInternal, "input " + std::to_string(i) + " was not loaded as it is wanted"});
        }
        plan_->keep.push_back(constant);
        if (!inputs[i].weight && could_be_weights(constant->fact) && node.op->may_copy_input(i)) copies_weights_ = true;
      }
      OpSetup setup;
      setup.inputs = inputs;
      setup.outputs = outputs;
      setup.threads = options_.threads;
      setup.findings = node.findings;
      auto epilogue = epilogue_of(graph_, node);
      if (!epilogue.ok()) return in_node(node, epilogue.error());
      setup.epilogue = *epilogue;
      auto kernel = node.op->prepare(setup);
      if (!kernel.ok()) return in_node(node, kernel.error());
      kernels_.back() = std::move(kernel).value();
      scratch_bytes_.back() = kernels_.back()->scratch_bytes();
    }
    return {};
  }

  Result<void> make_steps(const MemoryPlan& memory) {
    auto locate = [&](ValueId id) { return id == kNoValue ? Location{} : memory.values[id]; };
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (memory.is_view[i]) continue;
      const Node& node = graph_.nodes[i];
      PlanStep step;
      step.kernel = std::move(kernels_[i]);
      step.name = describe_node(node);
      for (ValueId id : node.inputs) step.inputs.push_back(locate(id));
      for (ValueId id : node.outputs) step.outputs.push_back(locate(id));
      step.scale = locate(node.scale);
      step.shift = locate(node.shift);
      step.residual = locate(node.residual);
      step.scratch_offset_bytes = memory.scratch_offsets[i];
      node.for_each_input([&](ValueId id) {
        if (graph_.values[id].constant) plan_->keep.push_back(graph_.values[id].constant);
      });
      plan_->steps.push_back(std::move(step));
    }
    plan_->arena_bytes = memory.arena_bytes;
    plan_->arena_is_secret = copies_weights_ && sealed();
    for (ValueId id : graph_.outputs) {
      const TensorFact& fact = graph_.values[id].fact;
      plan_->outputs.push_back({fact, locate(id), may_hold_weights(fact, locate(id))});
      const std::shared_ptr<Constant>& constant = graph_.values[id].constant;
      if (!constant) continue;
      if (!constant->data) return Error{ErrorCode::kInternal, "a constant output was not loaded"};
      plan_->keep.push_back(constant);
    }
    return {};
  }

  bool may_hold_weights(const TensorFact& fact, const Location& location) const {
    if (!sealed() || !could_be_weights(fact)) return false;
    if (location.kind == Location::Kind::kInput) return plan_->inputs[location.input].secret;
    return location.kind == Location::Kind::kConstant || plan_->arena_is_secret;
  }

  const Graph& source_;
  Graph graph_;
  const PlanOptions& options_;
  const StageContext& context_;
  Plan* plan_;
  std::vector<std::unique_ptr<Kernel>> kernels_;
  std::vector<size_t> scratch_bytes_;
  std::vector<bool> may_be_secret_;  // graph inputs and views of them, by value
  bool copies_weights_ = false;
};

}  // namespace

bool could_be_weights(const TensorFact& fact) {
  return (!data_type_is_integer(fact.type) || data_type_size_bytes(fact.type) == 1) && fact.type != DataType::kBool &&
         element_count(fact.dims) * static_cast<int64_t>(data_type_size_bytes(fact.type)) >= 16;
}

WeightPlacement wanted_placement(const Graph& graph, const Node& node, size_t input) {
  const Value& value = graph.values[node.inputs[input]];
  WeightPlacement placement;
  placement.dims = value.constant->fact.dims;
  const WeightRequest request = node.op->weight_request(input, value.fact);
  if (request.layout == WeightLayout::kPlain || !weight_geometry(request.layout, request.order, value.fact.dims).ok()) {
    return placement;
  }
  return {request.layout, request.order, value.fact.dims};
}

Result<std::unique_ptr<const Plan>> make_plan(const Graph& graph, const std::vector<PlanInput>& inputs,
                                              DerivedConstants* derived, const PlanOptions& options,
                                              const StageContext& context) {
  auto plan = std::make_unique<Plan>();
  plan->constants = std::make_shared<ConstantStore>(options.constants, graph.limits.max_constant_bytes);
  SEALEDGE_TRY(Planner(graph, options, context, plan.get()).run(inputs, derived));
  return std::unique_ptr<const Plan>(std::move(plan));
}

}  // namespace sealedge
