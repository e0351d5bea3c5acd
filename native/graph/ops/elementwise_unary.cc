// Operators of one operand. float32 runs on the kernels; the few that the standard allows for integers and bool, on
// plain loops.
#include <cmath>
#include <limits>

#include "graph/ops.h"
#include "graph/ops/elementwise_types.h"
#include "graph/ops/support.h"
#include "kernels/elementwise/unary.h"

namespace sealedge {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct KernelCall {
  UnaryOp op;
  UnaryParams params;
};

// What computes `kind` on float32; nothing for those that are not arithmetic.
std::optional<KernelCall> kernel_call(UnaryKind kind, float a, float b) {
  switch (kind) {
    case UnaryKind::kAbs:
      return KernelCall{UnaryOp::kAbs, {}};
    case UnaryKind::kNeg:
      return KernelCall{UnaryOp::kNeg, {}};
    case UnaryKind::kSign:
      return KernelCall{UnaryOp::kSign, {}};
    case UnaryKind::kFloor:
      return KernelCall{UnaryOp::kFloor, {}};
    case UnaryKind::kCeil:
      return KernelCall{UnaryOp::kCeil, {}};
    case UnaryKind::kRound:
      return KernelCall{UnaryOp::kRound, {}};
    case UnaryKind::kSqrt:
      return KernelCall{UnaryOp::kSqrt, {}};
    case UnaryKind::kReciprocal:
      return KernelCall{UnaryOp::kReciprocal, {}};
    case UnaryKind::kExp:
      return KernelCall{UnaryOp::kExp, {}};
    case UnaryKind::kLog:
      return KernelCall{UnaryOp::kLog, {}};
    case UnaryKind::kErf:
      return KernelCall{UnaryOp::kErf, {}};
    case UnaryKind::kSin:
      return KernelCall{UnaryOp::kSin, {}};
    case UnaryKind::kCos:
      return KernelCall{UnaryOp::kCos, {}};
    case UnaryKind::kTan:
      return KernelCall{UnaryOp::kTan, {}};
    case UnaryKind::kAtan:
      return KernelCall{UnaryOp::kAtan, {}};
    case UnaryKind::kRelu:
      return KernelCall{UnaryOp::kClip, {0.0f, kInfinity}};
    case UnaryKind::kSigmoid:
      return KernelCall{UnaryOp::kSigmoid, {}};
    case UnaryKind::kTanh:
      return KernelCall{UnaryOp::kTanh, {}};
    case UnaryKind::kSoftplus:
      return KernelCall{UnaryOp::kSoftplus, {}};
    case UnaryKind::kSoftsign:
      return KernelCall{UnaryOp::kSoftsign, {}};
    case UnaryKind::kHardSwish:
      return KernelCall{UnaryOp::kHardSwish, {}};
    case UnaryKind::kLeakyRelu:
      return KernelCall{UnaryOp::kLeakyRelu, {a, 0.0f}};
    case UnaryKind::kElu:
      return KernelCall{UnaryOp::kElu, {a, 0.0f}};
    case UnaryKind::kSelu:
      return KernelCall{UnaryOp::kSelu, {a, b}};
    case UnaryKind::kHardSigmoid:
      return KernelCall{UnaryOp::kHardSigmoid, {a, b}};
    case UnaryKind::kThresholdedRelu:
      return KernelCall{UnaryOp::kThresholdedRelu, {a, 0.0f}};
    case UnaryKind::kGelu:
      return KernelCall{a == 0.0f ? UnaryOp::kGelu : UnaryOp::kGeluTanh, {}};
    case UnaryKind::kNot:
    case UnaryKind::kIsNaN:
      return std::nullopt;
  }
  return std::nullopt;
}

class FloatKernel final : public Kernel {
 public:
  FloatKernel(KernelCall call, size_t size) : call_(call), size_(size) {}
  Result<void> run(const RunArgs& args) const override {
    f32_unary(call_.op, call_.params, reinterpret_cast<const float*>(args.inputs[0]),
              reinterpret_cast<float*>(args.outputs[0]), size_, kernel_context(args));
    return {};
  }

 private:
  KernelCall call_;
  size_t size_;
};

template <typename T, typename R, R (*kFunction)(T)>
class LoopKernel final : public Kernel {
 public:
  explicit LoopKernel(size_t size) : size_(size) {}
  Result<void> run(const RunArgs& args) const override {
    const auto* x = reinterpret_cast<const T*>(args.inputs[0]);
    auto* y = reinterpret_cast<R*>(args.outputs[0]);
    for (size_t i = 0; i < size_; i++) y[i] = kFunction(x[i]);
    return {};
  }

 private:
  size_t size_;
};

// A caller's bool tensor may hold any byte.
bool not_(uint8_t x) { return x == 0; }
bool is_nan(float x) { return std::isnan(x); }
// The most negative value has no positive counterpart: it stays, as in numpy.
template <typename T>
T negate(T x) {
  return static_cast<T>(0 - static_cast<std::make_unsigned_t<T>>(x));
}
template <typename T>
T absolute(T x) {
  return x < 0 ? negate(x) : x;
}
template <typename T>
T sign(T x) {
  return static_cast<T>((x > 0) - (x < 0));
}
template <typename T>
T relu(T x) {
  return x < 0 ? T{0} : x;
}

template <typename T>
std::unique_ptr<Kernel> integer_kernel(UnaryKind kind, size_t size) {
  switch (kind) {
    case UnaryKind::kAbs:
      return std::make_unique<LoopKernel<T, T, absolute<T>>>(size);
    case UnaryKind::kNeg:
      return std::make_unique<LoopKernel<T, T, negate<T>>>(size);
    case UnaryKind::kSign:
      return std::make_unique<LoopKernel<T, T, sign<T>>>(size);
    case UnaryKind::kRelu:
      return std::make_unique<LoopKernel<T, T, relu<T>>>(size);
    default:
      return nullptr;
  }
}

class UnaryElementwiseOp final : public Op {
 public:
  UnaryElementwiseOp(UnaryKind kind, float a, float b) : kind_(kind), a_(a), b_(b) {}
  const char* op_type() const override;
  UnaryKind kind() const { return kind_; }
  std::optional<Activation> activation() const;

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const DataType type = inputs[0].type;
    if (!make_kernel(type, 0)) return op_unsupported(std::string(data_type_name(type)) + " input");
    return std::vector<TensorFact>{{kind_ == UnaryKind::kIsNaN ? DataType::kBool : type, inputs[0].dims}};
  }
  FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand> outputs) const override {
    return following_formats(inputs, outputs);
  }
  bool may_overwrite(size_t, std::span<const Operand>, std::span<const Operand>) const override {
    return kind_ != UnaryKind::kIsNaN;
  }
  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand& x = setup.inputs[0];
    return make_kernel(x.type, static_cast<size_t>(element_count(x.dims)));
  }

 private:
  std::unique_ptr<Kernel> make_kernel(DataType type, size_t size) const {
    switch (type) {
      case DataType::kFloat32: {
        if (kind_ == UnaryKind::kIsNaN) return std::make_unique<LoopKernel<float, bool, is_nan>>(size);
        const std::optional<KernelCall> call = kernel_call(kind_, a_, b_);
        return call ? std::make_unique<FloatKernel>(*call, size) : nullptr;
      }
      case DataType::kBool:
        return kind_ == UnaryKind::kNot ? std::make_unique<LoopKernel<uint8_t, bool, not_>>(size) : nullptr;
      case DataType::kInt8:
        return integer_kernel<int8_t>(kind_, size);
      case DataType::kInt32:
        return integer_kernel<int32_t>(kind_, size);
      case DataType::kInt64:
        return integer_kernel<int64_t>(kind_, size);
      default:
        return nullptr;
    }
  }

  UnaryKind kind_;
  float a_, b_;
};

const char* UnaryElementwiseOp::op_type() const {
  // In the order of UnaryKind.
  static constexpr const char* kNames[] = {
      "Abs",        "Neg",   "Sign",      "Floor", "Ceil",     "Round",       "Sqrt",
      "Reciprocal", "Exp",   "Log",       "Erf",   "Sin",      "Cos",         "Tan",
      "Atan",       "Relu",  "Sigmoid",   "Tanh",  "Softplus", "Softsign",    "HardSwish",
      "Not",        "IsNaN", "LeakyRelu", "Elu",   "Selu",     "HardSigmoid", "ThresholdedRelu",
      "Gelu"};
  return kNames[static_cast<size_t>(kind_)];
}

std::optional<Activation> UnaryElementwiseOp::activation() const {
  switch (kind_) {
    case UnaryKind::kRelu:
      return Activation{Activation::Kind::kRelu};
    case UnaryKind::kLeakyRelu:
      return Activation{Activation::Kind::kLeakyRelu, a_};
    case UnaryKind::kSigmoid:
      return Activation{Activation::Kind::kSigmoid};
    case UnaryKind::kTanh:
      return Activation{Activation::Kind::kTanh};
    case UnaryKind::kHardSigmoid:
      return Activation{Activation::Kind::kHardSigmoid, a_, b_};
    case UnaryKind::kHardSwish:
      return Activation{Activation::Kind::kHardSwish};
    default:
      return std::nullopt;
  }
}

}  // namespace

OpPtr make_unary(UnaryKind kind, float a, float b) { return std::make_shared<UnaryElementwiseOp>(kind, a, b); }

std::optional<UnaryKind> as_unary(const Op& op) {
  const auto* unary = dynamic_cast<const UnaryElementwiseOp*>(&op);
  return unary ? std::optional(unary->kind()) : std::nullopt;
}

std::optional<Activation> unary_activation(const Op& op) {
  const auto* unary = dynamic_cast<const UnaryElementwiseOp*>(&op);
  return unary ? unary->activation() : std::nullopt;
}

}  // namespace sealedge
