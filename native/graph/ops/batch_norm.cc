// BatchNormalization in inference mode, where it was not folded into the operator before it:
//   Y = X * a[c] + b[c]   with a = scale / sqrt(var + epsilon), b = B - mean * a
// a and b are made in scratch in every run: they are values of a model that may be sealed.
#include <cmath>

#include "graph/ops.h"
#include "graph/ops/elementwise_types.h"
#include "graph/ops/support.h"
#include "kernels/elementwise/binary.h"

namespace sealedge {

namespace {

class BatchNormKernel final : public Kernel {
 public:
  BatchNormKernel(size_t channels, float epsilon, BroadcastPlan plan)
      : channels_(channels), epsilon_(epsilon), plan_(plan) {}
  size_t scratch_bytes() const override { return 2 * channels_ * sizeof(float); }

  Result<void> run(const RunArgs& args) const override {
    const KernelContext context = kernel_context(args);
    const auto input = [&](size_t i) { return reinterpret_cast<const float*>(args.inputs[i]); };
    auto* a = reinterpret_cast<float*>(args.scratch);
    float* b = a + channels_;
    for (size_t c = 0; c < channels_; c++) {
      a[c] = input(1)[c] / std::sqrt(input(4)[c] + epsilon_);
      b[c] = input(2)[c] - input(3)[c] * a[c];
    }
    auto* y = reinterpret_cast<float*>(args.outputs[0]);
    f32_binary(BinaryOp::kMul, plan_, input(0), a, y, context);
    f32_binary(BinaryOp::kAdd, plan_, y, b, y, context);
    return {};
  }

 private:
  size_t channels_;
  float epsilon_;
  BroadcastPlan plan_;
};

class BatchNormOp final : public Op {
 public:
  explicit BatchNormOp(float epsilon) : epsilon_(epsilon) {}
  const char* op_type() const override { return "BatchNormalization"; }
  bool may_copy_input(size_t) const override { return false; }
  float epsilon() const { return epsilon_; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Dims& x = inputs[0].dims;
    if (x.size() < 2) return shape_mismatch("expected at least 2 dimensions, got " + std::to_string(x.size()));
    if (x.size() > kMaxBroadcastRank) return op_unsupported("more than 8 dimensions");
    for (const Operand& input : inputs) {
      if (input.type != DataType::kFloat32) return op_unsupported(data_type_name(input.type));
    }
    for (const Operand& parameter : inputs.subspan(1)) {
      if (parameter.dims != Dims{x[1]}) {
        return shape_mismatch("parameter " + dims_to_string(parameter.dims) + " does not fit " + std::to_string(x[1]) +
                              " channels");
      }
    }
    return std::vector<TensorFact>{{DataType::kFloat32, x}};
  }
  FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand>) const override {
    FormatChoice choice = {std::vector<Format>(inputs.size(), Format::kRowMajor), {inputs[0].format}};
    choice.inputs[0] = inputs[0].format;
    return choice;
  }
  bool may_overwrite(size_t input, std::span<const Operand>, std::span<const Operand>) const override {
    return input == 0;
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand& x = setup.inputs[0];
    const auto channels = static_cast<size_t>(x.dims[1]);
    Operand per_channel = {.present = true, .type = DataType::kFloat32, .dims = Dims(x.dims.size() - 1, 1)};
    per_channel.dims[0] = x.dims[1];
    const std::vector<size_t> dims = physical_dims(x);
    const std::vector<size_t> a = physical_strides(x, x), b = physical_strides(per_channel, x);
    BroadcastPlan plan;
    make_broadcast_plan(dims.size(), dims.data(), a.data(), b.data(), &plan);  // infer has limited the rank
    return std::unique_ptr<Kernel>(std::make_unique<BatchNormKernel>(channels, epsilon_, plan));
  }

 private:
  float epsilon_;
};

}  // namespace

OpPtr make_batch_norm(float epsilon) { return std::make_shared<BatchNormOp>(epsilon); }

std::optional<float> as_batch_norm(const Op& op) {
  const auto* batch_norm = dynamic_cast<const BatchNormOp*>(&op);
  return batch_norm ? std::optional(batch_norm->epsilon()) : std::nullopt;
}

}  // namespace sealedge
