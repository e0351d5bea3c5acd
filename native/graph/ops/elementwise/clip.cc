// Clip. Bounds are read when they are needed, as they may be computed by the model.
#include <limits>

#include "graph/ops.h"
#include "graph/ops/element_types.h"
#include "graph/ops/elementwise/elementwise_types.h"
#include "graph/ops/support.h"
#include "kernels/elementwise/unary.h"

namespace sealedge {

namespace {

template <typename T>
T bound(const uint8_t* bytes, T fallback) {
  return bytes ? *reinterpret_cast<const T*>(bytes) : fallback;
}

// Without a bound: the ends of the type (Clip-13), so that an infinity becomes the largest number.
template <typename T>
T lowest() {
  return std::numeric_limits<T>::lowest();
}
template <typename T>
T highest() {
  return std::numeric_limits<T>::max();
}

const uint8_t* input_or_null(const RunArgs& args, size_t i) {
  return i < args.inputs.size() ? args.inputs[i] : nullptr;
}

class FloatClip final : public Kernel {
 public:
  explicit FloatClip(size_t size) : size_(size) {}
  Result<void> run(const RunArgs& args) const override {
    const UnaryParams bounds = {bound(input_or_null(args, 1), lowest<float>()),
                                bound(input_or_null(args, 2), highest<float>())};
    f32_unary(UnaryOp::kClip, bounds, reinterpret_cast<const float*>(args.inputs[0]),
              reinterpret_cast<float*>(args.outputs[0]), size_, kernel_context(args));
    return {};
  }

 private:
  size_t size_;
};

template <typename T>
class LoopClip final : public Kernel {
 public:
  explicit LoopClip(size_t size) : size_(size) {}
  Result<void> run(const RunArgs& args) const override {
    const T lo = bound(input_or_null(args, 1), lowest<T>()), hi = bound(input_or_null(args, 2), highest<T>());
    const auto* x = reinterpret_cast<const T*>(args.inputs[0]);
    auto* y = reinterpret_cast<T*>(args.outputs[0]);
    for (size_t i = 0; i < size_; i++) {
      const T raised = x[i] < lo ? lo : x[i];  // a NaN is neither below nor above
      y[i] = raised > hi ? hi : raised;        // max wins where the bounds cross
    }
    return {};
  }

 private:
  size_t size_;
};

class ClipOp final : public LinearTimeOp {
 public:
  const char* op_type() const override { return "Clip"; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const DataType type = inputs[0].type;
    if (!make_kernel(type, 0)) return op_unsupported(std::string(data_type_name(type)) + " input");
    for (const Operand& limit : inputs.subspan(1)) {
      if (limit.present && (limit.type != type || element_count(limit.dims) != 1)) {
        return shape_mismatch("a bound must be one value of the input's type");
      }
    }
    return std::vector<TensorFact>{{type, inputs[0].dims}};
  }
  FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand> outputs) const override {
    return first_input_formats(inputs, outputs);
  }
  bool may_overwrite(size_t input, std::span<const Operand>, std::span<const Operand>) const override {
    return input == 0;
  }
  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand& x = setup.inputs[0];
    return make_kernel(x.type, static_cast<size_t>(element_count(x.dims)));
  }

 private:
  static std::unique_ptr<Kernel> make_kernel(DataType type, size_t size) {
    if (type == DataType::kFloat32) return std::make_unique<FloatClip>(size);
    return dispatch_type(NumberTypes{}, type,
                         [&]<typename T>() -> std::unique_ptr<Kernel> { return std::make_unique<LoopClip<T>>(size); });
  }
};

std::optional<Activation> clip_activation(std::span<const Operand> inputs) {
  Activation activation = {Activation::Kind::kClip, lowest<float>(), highest<float>()};
  if (inputs[0].type != DataType::kFloat32) return std::nullopt;
  for (size_t i = 1; i < inputs.size() && i < 3; i++) {
    if (!inputs[i].present) continue;
    if (!inputs[i].constant || !inputs[i].data) return std::nullopt;
    (i == 1 ? activation.a : activation.b) = bound(inputs[i].data, 0.0f);
  }
  return activation;
}

}  // namespace

OpPtr make_clip() { return std::make_shared<ClipOp>(); }

std::optional<Activation> as_activation(const Op& op, std::span<const Operand> inputs) {
  if (dynamic_cast<const ClipOp*>(&op)) return clip_activation(inputs);
  return unary_activation(op);
}

}  // namespace sealedge
