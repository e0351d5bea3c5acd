// BatchNormalization in inference mode, where it was not folded into the operator before it:
//   Y = X * a[c] + b[c]   with a = scale / sqrt(var + epsilon), b = B - mean * a
// In float32 a and b are made in scratch in every run: they are values of a model that may be sealed.
#include <algorithm>
#include <cmath>

#include "graph/ops.h"
#include "graph/ops/element_types.h"
#include "graph/ops/elementwise/elementwise_types.h"
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

using ReadFloat = double (*)(const uint8_t* elements, size_t index);
template <typename T>
double read_float(const uint8_t* elements, size_t index) {
  return static_cast<double>(reinterpret_cast<const T*>(elements)[index]);
}
ReadFloat find_reader(DataType type) {
  return dispatch_type(FloatTypes{}, type, []<typename T>() -> ReadFloat { return read_float<T>; });
}

// Other types, of which there may be three: X and Y, scale and B, mean and var (BatchNormalization-15). Row-major, in
// double.
template <typename T>
class OtherBatchNorm final : public Kernel {
 public:
  OtherBatchNorm(size_t batch, size_t channels, size_t inner, double epsilon, ReadFloat affine, ReadFloat statistics)
      : batch_(batch),
        channels_(channels),
        inner_(inner),
        epsilon_(epsilon),
        affine_(affine),
        statistics_(statistics) {}

  Result<void> run(const RunArgs& args) const override {
    const auto* x = reinterpret_cast<const T*>(args.inputs[0]);
    auto* y = reinterpret_cast<T*>(args.outputs[0]);
    for (size_t n = 0; n < batch_; n++) {
      for (size_t c = 0; c < channels_; c++, x += inner_, y += inner_) {
        const double a = affine_(args.inputs[1], c) / std::sqrt(statistics_(args.inputs[4], c) + epsilon_);
        const double b = affine_(args.inputs[2], c) - statistics_(args.inputs[3], c) * a;
        for (size_t i = 0; i < inner_; i++) y[i] = static_cast<T>(static_cast<double>(x[i]) * a + b);
      }
    }
    return {};
  }

 private:
  size_t batch_, channels_, inner_;
  double epsilon_;
  ReadFloat affine_, statistics_;
};

class BatchNormOp final : public LinearTimeOp {
 public:
  explicit BatchNormOp(float epsilon) : epsilon_(epsilon) {}
  const char* op_type() const override { return "BatchNormalization"; }
  bool may_copy_input(size_t) const override { return false; }
  float epsilon() const { return epsilon_; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Dims& x = inputs[0].dims;
    if (x.empty()) return shape_mismatch("expected at least 1 dimension, got none");
    for (const Operand& input : inputs) {
      if (!find_reader(input.type)) return op_unsupported(data_type_name(input.type));
    }
    if (inputs[1].type != inputs[2].type || inputs[3].type != inputs[4].type) {
      return shape_mismatch("scale and B, or mean and var, have different types");
    }
    if (has_kernel(inputs) && x.size() > kMaxBroadcastRank) return op_unsupported("more than 8 dimensions");
    for (const Operand& parameter : inputs.subspan(1)) {
      if (parameter.dims != Dims{channels(x)}) {
        return shape_mismatch("parameter " + dims_to_string(parameter.dims) + " does not fit " +
                              std::to_string(channels(x)) + " channels");
      }
    }
    return std::vector<TensorFact>{{inputs[0].type, x}};
  }
  FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand> outputs) const override {
    if (!has_kernel(inputs)) return Op::choose_formats(inputs, outputs);
    FormatChoice choice = {std::vector<Format>(inputs.size(), Format::kRowMajor), {inputs[0].format}};
    choice.inputs[0] = inputs[0].format;
    return choice;
  }
  bool may_overwrite(size_t input, std::span<const Operand>, std::span<const Operand>) const override {
    return input == 0;
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand& x = setup.inputs[0];
    if (!has_kernel(setup.inputs)) return other(setup);
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
  // "single dimension input of size N in which case C is assumed to be 1" (BatchNormalization-9 and later)
  static int64_t channels(const Dims& x) { return x.size() < 2 ? 1 : x[1]; }
  static bool has_kernel(std::span<const Operand> inputs) {
    return inputs[0].dims.size() >= 2 &&
           std::ranges::all_of(inputs, [](const Operand& input) { return input.type == DataType::kFloat32; });
  }
  Result<std::unique_ptr<Kernel>> other(const OpSetup& setup) const {
    const Dims& x = setup.inputs[0].dims;
    size_t inner = 1;
    for (size_t d = 2; d < x.size(); d++) inner *= static_cast<size_t>(x[d]);
    return dispatch_type(FloatTypes{}, setup.inputs[0].type, [&]<typename T>() {
      return std::unique_ptr<Kernel>(std::make_unique<OtherBatchNorm<T>>(
          static_cast<size_t>(x[0]), static_cast<size_t>(channels(x)), inner, static_cast<double>(epsilon_),
          find_reader(setup.inputs[1].type), find_reader(setup.inputs[3].type)));
    });
  }

  float epsilon_;
};

}  // namespace

OpPtr make_batch_norm(float epsilon) { return std::make_shared<BatchNormOp>(epsilon); }

std::optional<float> as_batch_norm(const Op& op) {
  const auto* batch_norm = dynamic_cast<const BatchNormOp*>(&op);
  return batch_norm ? std::optional(batch_norm->epsilon()) : std::nullopt;
}

}  // namespace sealedge
