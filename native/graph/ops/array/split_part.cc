// One of the parts that SplitToSequence cuts an axis into: all of one size, but for the last, which may be smaller.
#include <algorithm>

#include "graph/ops/array/selection.h"
#include "graph/ops/strided.h"
#include "graph/ops/support.h"

namespace sealedge {

namespace {

struct Part {
  size_t axis = 0;
  int64_t start = 0;
  int64_t count = 0;
};

Result<int64_t> one_number(const Operand& operand, const char* name) {
  SEALEDGE_ASSIGN(const std::vector<int64_t> values, shape_argument(operand, name));
  if (values.size() != 1) return model_invalid(std::string(name) + ": expected one number");
  return values[0];
}

class SplitPartOp final : public LinearTimeOp {
 public:
  explicit SplitPartOp(int64_t axis) : axis_(axis) {}
  const char* op_type() const override { return "SplitToSequence"; }
  bool needs_contents(size_t input) const override { return input >= 1; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    SEALEDGE_ASSIGN(const Part part, part_of(inputs));
    TensorFact fact{inputs[0].type, inputs[0].dims};
    fact.dims[part.axis] = part.count;
    return std::vector<TensorFact>{std::move(fact)};
  }

  FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand> outputs) const override {
    return first_input_formats(inputs, outputs);
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand &input = setup.inputs[0], &output = setup.outputs[0];
    SEALEDGE_ASSIGN(const Part part, part_of(setup.inputs));
    std::vector<int64_t> source = strides_of(input.dims, input.format);
    const int64_t offset = part.start * source[part.axis];
    return make_move_kernel(output, std::move(source), offset);
  }

 private:
  Result<Part> part_of(std::span<const Operand> inputs) const {
    if (inputs.size() < 3) return model_invalid("split and position are missing");
    const Dims& dims = inputs[0].dims;
    SEALEDGE_ASSIGN(const size_t axis, resolve_axis(axis_, dims.size()));
    SEALEDGE_ASSIGN(const int64_t size, one_number(inputs[1], "split"));
    SEALEDGE_ASSIGN(int64_t position, one_number(inputs[2], "position"));
    if (size < 1) return model_invalid("split: expected at least 1, got " + std::to_string(size));
    const int64_t dim = dims[axis], parts = dim / size + (dim % size != 0 ? 1 : 0);
    if (position < -parts || position >= parts) {
      return model_invalid("position " + std::to_string(position) + " is out of range for " + std::to_string(parts) +
                           " tensors");
    }
    if (position < 0) position += parts;
    // position < parts, so that the product is less than dim.
    return Part{axis, position * size, std::min(size, dim - position * size)};
  }

  int64_t axis_;
};

}  // namespace

OpPtr make_split_part(int64_t axis) { return std::make_shared<SplitPartOp>(axis); }

}  // namespace sealedge
