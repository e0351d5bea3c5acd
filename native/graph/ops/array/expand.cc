// Expand and Tile: the same elements more than once.
#include <algorithm>

#include "core/checked.h"
#include "graph/ops.h"
#include "graph/ops/strided.h"
#include "graph/ops/support.h"

namespace sealedge {

namespace {

class ExpandOp final : public LinearTimeOp {
 public:
  const char* op_type() const override { return "Expand"; }
  bool needs_contents(size_t input) const override { return input == 1; }

  // The shape may also be smaller than the input's: both broadcast against each other.
  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    SEALEDGE_ASSIGN(Dims shape, shape_argument(inputs[1], "shape"));
    Dims dims = inputs[0].dims;
    if (shape.size() > kMaxRank) return model_invalid("shape: rank too large");
    const size_t rank = std::max(dims.size(), shape.size());
    dims.insert(dims.begin(), rank - dims.size(), 1);
    shape.insert(shape.begin(), rank - shape.size(), 1);
    for (size_t i = 0; i < rank; ++i) {
      if (dims[i] == 1) {
        dims[i] = shape[i];
      } else if (shape[i] != 1 && shape[i] != dims[i]) {
        return shape_mismatch("cannot expand " + dims_to_string(inputs[0].dims) + " to " + dims_to_string(shape));
      }
    }
    return std::vector<TensorFact>{{inputs[0].type, std::move(dims)}};
  }

  FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand>) const override {
    return {{inputs[0].format, Format::kRowMajor}, {Format::kRowMajor}};
  }
  bool output_is_view(std::span<const Operand> inputs, std::span<const Operand> outputs) const override {
    return element_count(inputs[0].dims) == element_count(outputs[0].dims) &&
           (inputs[0].format == Format::kRowMajor || formats_coincide(inputs[0].dims));
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand& input = setup.inputs[0];
    const Operand& output = setup.outputs[0];
    std::vector<int64_t> source(output.dims.size(), 0);
    const std::vector<int64_t> strides = strides_of(input.dims, input.format);
    const size_t added = output.dims.size() - input.dims.size();
    for (size_t i = 0; i < strides.size(); ++i) source[added + i] = input.dims[i] == 1 ? 0 : strides[i];
    return make_move_kernel(output, std::move(source));
  }
};

class TileOp final : public LinearTimeOp {
 public:
  const char* op_type() const override { return "Tile"; }
  bool needs_contents(size_t input) const override { return input == 1; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    SEALEDGE_ASSIGN(const std::vector<int64_t> repeats, shape_argument(inputs[1], "repeats"));
    Dims dims = inputs[0].dims;
    if (repeats.size() != dims.size()) return model_invalid("repeats: expected one per dimension");
    for (size_t i = 0; i < dims.size(); ++i) {
      if (repeats[i] < 0 || !checked_mul(dims[i], repeats[i], &dims[i])) return model_invalid("repeats: out of range");
    }
    return std::vector<TensorFact>{{inputs[0].type, std::move(dims)}};
  }

  // Every dimension becomes two in the copy: which repetition, and where in it.
  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand& input = setup.inputs[0];
    const Operand& output = setup.outputs[0];
    const std::vector<int64_t> source = strides_of(input.dims, Format::kRowMajor);
    const std::vector<int64_t> destination = strides_of(output.dims, Format::kRowMajor);
    StridedMove move;
    for (size_t i = 0; i < input.dims.size(); ++i) {
      if (input.dims[i] == 0) continue;  // nothing to copy
      if (output.dims[i] != input.dims[i]) {
        move.dims.push_back(output.dims[i] / input.dims[i]);
        move.source_stride.push_back(0);
        move.destination_stride.push_back(destination[i] * input.dims[i]);
      }
      move.dims.push_back(input.dims[i]);
      move.source_stride.push_back(source[i]);
      move.destination_stride.push_back(destination[i]);
    }
    CopyPlan plan;
    plan.element_bytes = data_type_size_bytes(output.type);
    if (element_count(output.dims) > 0) {
      plan.moves.push_back(std::move(move));
      plan.sources = {0};
    }
    return make_copy_kernel({std::move(plan)});
  }
};

}  // namespace

OpPtr make_expand() { return std::make_shared<ExpandOp>(); }
OpPtr make_tile() { return std::make_shared<TileOp>(); }

}  // namespace sealedge
