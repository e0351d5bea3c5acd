// Concat, and Split, its inverse. Dims are those of one part, strides those of the whole on the other side.
#include <algorithm>

#include "core/checked.h"
#include "graph/ops.h"
#include "graph/ops/op_parameters.h"
#include "graph/ops/strided.h"
#include "graph/ops/support.h"

namespace sealedge {

namespace {

class ConcatOp final : public LinearTimeOp {
 public:
  explicit ConcatOp(int64_t axis) : axis_(axis) {}
  const char* op_type() const override { return "Concat"; }
  int64_t axis() const { return axis_; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    if (inputs.empty()) return model_invalid("expected at least one input, got none");
    TensorFact fact{inputs[0].type, inputs[0].dims};
    SEALEDGE_ASSIGN(const size_t axis, resolve_axis(axis_, fact.dims.size()));
    for (const Operand& input : inputs.subspan(1)) {
      if (input.type != fact.type) return shape_mismatch("inputs of different types");
      Dims expected = fact.dims;
      if (input.dims.size() == expected.size()) expected[axis] = input.dims[axis];
      if (input.dims != expected || !checked_add(fact.dims[axis], input.dims[axis], &fact.dims[axis])) {
        return shape_mismatch("cannot join " + dims_to_string(fact.dims) + " and " + dims_to_string(input.dims));
      }
    }
    return std::vector<TensorFact>{std::move(fact)};
  }

  // Inputs are read as they come; the result is held as most of its elements already are.
  FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand>) const override {
    FormatChoice choice;
    int64_t channels_last = 0;
    int64_t row_major = 0;
    for (const Operand& input : inputs) {
      choice.inputs.push_back(input.format);
      if (formats_coincide(input.dims)) continue;
      (input.format == Format::kChannelsLast ? channels_last : row_major) += element_count(input.dims);
    }
    choice.outputs = {channels_last > row_major ? Format::kChannelsLast : Format::kRowMajor};
    return choice;
  }
  bool output_is_view(std::span<const Operand> inputs, std::span<const Operand> outputs) const override {
    return inputs.size() == 1 && (inputs[0].format == outputs[0].format || formats_coincide(inputs[0].dims));
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand& output = setup.outputs[0];
    const size_t axis = *resolve_axis(axis_, output.dims.size());
    CopyPlan plan;
    plan.element_bytes = data_type_size_bytes(output.type);
    const std::vector<int64_t> strides = strides_of(output.dims, output.format);
    int64_t offset = 0;
    for (size_t i = 0; i < setup.inputs.size(); ++i) {
      const Operand& input = setup.inputs[i];
      plan.moves.push_back({input.dims, strides_of(input.dims, input.format), strides, 0, offset});
      plan.sources.push_back(i);
      offset += input.dims[axis] * strides[axis];
    }
    return make_copy_kernel({std::move(plan)});
  }

 private:
  int64_t axis_;
};

class SplitOp final : public LinearTimeOp {
 public:
  SplitOp(int64_t axis, int64_t num_outputs) : axis_(axis), num_outputs_(num_outputs) {}
  const char* op_type() const override { return "Split"; }
  bool needs_contents(size_t input) const override { return input == 1; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Dims& dims = inputs[0].dims;
    SEALEDGE_ASSIGN(const size_t axis, resolve_axis(axis_, dims.size()));
    std::vector<int64_t> sizes;
    if (inputs.size() > 1 && inputs[1].present) {
      SEALEDGE_ASSIGN(sizes, shape_argument(inputs[1], "split"));
    } else {
      // Equal parts, the last one smaller if need be (Split-18).
      const int64_t size = (dims[axis] + num_outputs_ - 1) / num_outputs_;
      for (int64_t i = 0; i < num_outputs_; ++i) sizes.push_back(std::clamp<int64_t>(dims[axis] - i * size, 0, size));
    }
    int64_t total = 0;
    for (int64_t size : sizes) {
      if (size < 0 || !checked_add(total, size, &total))
        return model_invalid("split: invalid size " + std::to_string(size));
    }
    if (total != dims[axis] || sizes.size() != static_cast<size_t>(num_outputs_)) {
      return shape_mismatch("split: the parts do not make up " + dims_to_string(dims));
    }
    std::vector<TensorFact> facts;
    for (int64_t size : sizes) {
      facts.push_back({inputs[0].type, dims});
      facts.back().dims[axis] = size;
    }
    return facts;
  }

  FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand> outputs) const override {
    return first_input_formats(inputs, outputs);
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand& input = setup.inputs[0];
    const size_t axis = *resolve_axis(axis_, input.dims.size());
    const std::vector<int64_t> strides = strides_of(input.dims, input.format);
    // An output that nobody reads has no dims here, so the sizes are worked out again.
    SEALEDGE_ASSIGN(const std::vector<TensorFact> facts, infer(setup.inputs));
    std::vector<CopyPlan> plans;
    int64_t offset = 0;
    for (size_t i = 0; i < setup.outputs.size(); ++i) {
      const Dims& dims = facts[i].dims;
      if (setup.outputs[i].present) {
        CopyPlan plan;
        plan.output = i;
        plan.element_bytes = data_type_size_bytes(input.type);
        plan.moves.push_back({dims, strides, strides_of(dims, setup.outputs[i].format), offset, 0});
        plan.sources = {0};
        plans.push_back(std::move(plan));
      }
      offset += dims[axis] * strides[axis];
    }
    return make_copy_kernel(std::move(plans));
  }

 private:
  int64_t axis_;
  int64_t num_outputs_;
};

}  // namespace

OpPtr make_concat(int64_t axis) { return std::make_shared<ConcatOp>(axis); }
std::optional<int64_t> as_concat(const Op& op) {
  const auto* concat = dynamic_cast<const ConcatOp*>(&op);
  return concat ? std::optional(concat->axis()) : std::nullopt;
}
OpPtr make_split(int64_t axis, int64_t num_outputs) { return std::make_shared<SplitOp>(axis, num_outputs); }

}  // namespace sealedge
