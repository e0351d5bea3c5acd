// Slice: a window of the input with steps, which may be negative.
#include <algorithm>

#include "graph/ops.h"
#include "graph/ops/strided.h"
#include "graph/ops/support.h"

namespace sealedge {

namespace {

// Slice-13: starts and ends count from the end when negative and are clamped. With a positive step both to [0, dim];
// with a negative one the start to [0, dim - 1] (numpy would let it be "before the first" and take nothing), the end to
// [-1, dim - 1].
struct Range {
  int64_t start = 0;
  int64_t step = 1;
  int64_t count = 0;
};

Range clamp_range(int64_t start, int64_t end, int64_t step, int64_t dim) {
  if (start < 0) start += dim;  // cannot overflow: one is negative, the other not
  if (end < 0) end += dim;
  Range range;
  range.step = step;
  if (step > 0) {
    range.start = std::clamp<int64_t>(start, 0, dim);
    end = std::clamp<int64_t>(end, 0, dim);
    if (end > range.start) range.count = (end - range.start - 1) / step + 1;
  } else if (dim > 0) {
    range.start = std::clamp<int64_t>(start, 0, dim - 1);
    end = std::clamp<int64_t>(end, -1, dim - 1);
    if (range.start > end) range.count = (range.start - end - 1) / -step + 1;
  }
  if (range.count == 0) range.start = 0;
  return range;
}

class SliceOp final : public LinearTimeOp {
 public:
  const char* op_type() const override { return "Slice"; }
  bool needs_contents(size_t input) const override { return input >= 1; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    SEALEDGE_ASSIGN(const std::vector<Range> ranges, ranges_of(inputs));
    TensorFact fact{inputs[0].type, {}};
    for (const Range& range : ranges) fact.dims.push_back(range.count);
    return std::vector<TensorFact>{std::move(fact)};
  }

  FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand> outputs) const override {
    return first_input_formats(inputs, outputs);
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand& input = setup.inputs[0];
    const Operand& output = setup.outputs[0];
    SEALEDGE_ASSIGN(const std::vector<Range> ranges, ranges_of(setup.inputs));
    std::vector<int64_t> source = strides_of(input.dims, input.format);
    int64_t offset = 0;
    for (size_t i = 0; i < ranges.size(); ++i) {
      offset += ranges[i].start * source[i];
      // A step may be as large as int64_t; beyond one element it is never taken.
      source[i] = ranges[i].count > 1 ? source[i] * ranges[i].step : 0;
    }
    return make_move_kernel(output, std::move(source), offset);
  }

 private:
  static Result<std::vector<Range>> ranges_of(std::span<const Operand> inputs) {
    const Dims& dims = inputs[0].dims;
    if (inputs.size() < 3) return model_invalid("starts and ends are missing");
    SEALEDGE_ASSIGN(const std::vector<int64_t> starts, shape_argument(inputs[1], "starts"));
    SEALEDGE_ASSIGN(const std::vector<int64_t> ends, shape_argument(inputs[2], "ends"));
    std::vector<int64_t> axes;
    std::vector<int64_t> steps(starts.size(), 1);
    if (inputs.size() > 3 && inputs[3].present) {
      SEALEDGE_ASSIGN(axes, shape_argument(inputs[3], "axes"));
    } else {
      for (size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<int64_t>(i));
    }
    if (inputs.size() > 4 && inputs[4].present) {
      SEALEDGE_ASSIGN(steps, shape_argument(inputs[4], "steps"));
    }
    if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size()) {
      return model_invalid("starts, ends, axes and steps differ in length");
    }
    SEALEDGE_TRY(resolve_axes(axes, dims.size()));
    std::vector<Range> ranges;
    for (int64_t dim : dims) ranges.push_back({0, 1, dim});
    for (size_t i = 0; i < axes.size(); ++i) {
      if (steps[i] == 0 || steps[i] == INT64_MIN) return model_invalid("steps: invalid step");
      const size_t axis = *resolve_axis(axes[i], dims.size());
      ranges[axis] = clamp_range(starts[i], ends[i], steps[i], dims[axis]);
    }
    return ranges;
  }
};

}  // namespace

OpPtr make_slice() { return std::make_shared<SliceOp>(); }

}  // namespace sealedge
