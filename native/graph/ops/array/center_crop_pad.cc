// CenterCropPad: cuts or zero-pads the chosen axes to a wanted size, around the centre.
#include <algorithm>

#include "graph/ops/array/selection.h"
#include "graph/ops/strided.h"
#include "graph/ops/support.h"

namespace sealedge {

namespace {

class CenterCropPadOp final : public LinearTimeOp {
 public:
  explicit CenterCropPadOp(std::optional<std::vector<int64_t>> axes) : axes_(std::move(axes)) {}
  const char* op_type() const override { return "CenterCropPad"; }
  bool needs_contents(size_t input) const override { return input == 1; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    SEALEDGE_ASSIGN(const std::vector<int64_t> shape, shape_argument(inputs[1], "shape"));
    TensorFact fact{inputs[0].type, inputs[0].dims};
    std::vector<int64_t> axes;
    for (size_t d = 0; d < fact.dims.size(); ++d) axes.push_back(static_cast<int64_t>(d));
    if (axes_) axes = *axes_;
    SEALEDGE_TRY(resolve_axes(axes, fact.dims.size()));
    if (shape.size() != axes.size()) return model_invalid("shape: expected one size per axis");
    for (size_t i = 0; i < axes.size(); ++i) {
      if (shape[i] < 0) return model_invalid("shape: negative size");
      fact.dims[*resolve_axis(axes[i], fact.dims.size())] = shape[i];
    }
    return std::vector<TensorFact>{std::move(fact)};
  }

  FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand> outputs) const override {
    return first_input_formats(inputs, outputs);
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand &input = setup.inputs[0], &output = setup.outputs[0];
    StridedMove move{{}, strides_of(input.dims, input.format), strides_of(output.dims, output.format)};
    for (size_t d = 0; d < input.dims.size(); ++d) {
      const int64_t from = input.dims[d], to = output.dims[d];
      move.dims.push_back(std::min(from, to));
      // An odd rest: the extra element is cut from, or added to, the end (CenterCropPad-18's function body).
      if (from > to) {
        move.source_offset += (from - to) / 2 * move.source_stride[d];
      } else {
        move.destination_offset += (to - from) / 2 * move.destination_stride[d];
      }
    }
    CopyPlan plan;
    plan.element_bytes = data_type_size_bytes(output.type);
    plan.output_bytes = static_cast<size_t>(element_count(output.dims)) * plan.element_bytes;
    plan.fill = true;
    plan.moves.push_back(std::move(move));
    plan.sources = {0};
    return make_copy_kernel({std::move(plan)});
  }

 private:
  std::optional<std::vector<int64_t>> axes_;
};

}  // namespace

OpPtr make_center_crop_pad(std::optional<std::vector<int64_t>> axes) {
  return std::make_shared<CenterCropPadOp>(std::move(axes));
}

}  // namespace sealedge
