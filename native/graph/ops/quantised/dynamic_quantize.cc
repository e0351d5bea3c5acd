// DynamicQuantizeLinear (ONNX opset 11): the scale that fits the data of this run.
//
//   lo = min(0, min X), hi = max(0, max X);  y_scale = fl32(hi - lo) / 255, 1 where that is 0
//   y_zero_point = saturate(rint_half_even(-lo / y_scale));  Y = saturate(rint_half_even(X / y_scale) + y_zero_point)
#include "graph/ops/quantised/quantize.h"
#include "graph/ops/support.h"
#include "kernels/qelementwise/qelementwise_scalar.h"

namespace sealedge {

namespace {

class DynamicQuantizeKernel final : public Kernel {
 public:
  explicit DynamicQuantizeKernel(size_t size) : size_(size) {}
  Result<void> run(const RunArgs& args) const override {
    const auto* x = reinterpret_cast<const float*>(args.inputs[0]);
    float lo = 0, hi = 0;
    for (size_t i = 0; i < size_; i++) {
      lo = x[i] < lo ? x[i] : lo;
      hi = x[i] > hi ? x[i] : hi;
    }
    const float range = (hi - lo) / 255.0f;
    const float scale = range == 0 ? 1.0f : range;
    const int32_t zero = round_to_step_scalar(-lo / scale, 0, 255, 0);
    if (output(args, 0)) {
      const Q8Step step = {scale, zero, static_cast<float>(-zero), static_cast<float>(255 - zero)};
      q8_quantize(step, x, output(args, 0), size_, kernel_context(args));
    }
    if (output(args, 1)) *reinterpret_cast<float*>(output(args, 1)) = scale;
    if (output(args, 2)) *output(args, 2) = static_cast<uint8_t>(zero);
    return {};
  }

 private:
  static uint8_t* output(const RunArgs& args, size_t i) { return i < args.outputs.size() ? args.outputs[i] : nullptr; }
  size_t size_;
};

class DynamicQuantizeLinearOp final : public LinearTimeOp {
 public:
  const char* op_type() const override { return "DynamicQuantizeLinear"; }
  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    if (inputs[0].type != DataType::kFloat32) return op_unsupported(data_type_name(inputs[0].type));
    return std::vector<TensorFact>{
        {DataType::kUint8, inputs[0].dims}, {DataType::kFloat32, {}}, {DataType::kUint8, {}}};
  }
  FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand> outputs) const override {
    FormatChoice choice = {{inputs[0].format}, std::vector<Format>(outputs.size(), Format::kRowMajor)};
    choice.outputs[0] = inputs[0].format;
    return choice;
  }
  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const auto size = static_cast<size_t>(element_count(setup.inputs[0].dims));
    return std::unique_ptr<Kernel>(std::make_unique<DynamicQuantizeKernel>(size));
  }
};

}  // namespace

OpPtr make_dynamic_quantize_linear() { return std::make_shared<DynamicQuantizeLinearOp>(); }

}  // namespace sealedge
