// Operators of one operand. float32 runs on the kernels where these have the operator; all else on plain loops.
#include <limits>

#include "graph/ops.h"
#include "graph/ops/elementwise/elementwise_types.h"
#include "graph/ops/elementwise/unary_loops.h"
#include "graph/ops/support.h"
#include "kernels/elementwise/unary.h"

namespace sealedge {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct KernelCall {
  UnaryOp op;
  UnaryParams params;
};

// What computes `kind` on float32; nothing where only a loop does.
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
    case UnaryKind::kMish:
      return KernelCall{UnaryOp::kMish, {}};
    case UnaryKind::kSwish:
      if (a != 1.0f) return std::nullopt;
      return KernelCall{UnaryOp::kSilu, {}};
    default:
      return std::nullopt;
  }
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

class LoopKernel final : public Kernel {
 public:
  LoopKernel(UnaryLoop loop, size_t size, float a, float b) : loop_(loop), size_(size), a_(a), b_(b) {}
  Result<void> run(const RunArgs& args) const override {
    loop_(args.inputs[0], args.outputs[0], size_, a_, b_);
    return {};
  }

 private:
  UnaryLoop loop_;
  size_t size_;
  float a_, b_;
};

class UnaryElementwiseOp final : public LinearTimeOp {
 public:
  UnaryElementwiseOp(UnaryKind kind, float a, float b) : kind_(kind), a_(a), b_(b) {}
  const char* op_type() const override;
  UnaryKind kind() const { return kind_; }
  std::optional<Activation> activation() const;

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const DataType type = inputs[0].type;
    if (!make_kernel(type, 0)) return op_unsupported(std::string(data_type_name(type)) + " input");
    return std::vector<TensorFact>{{unary_result_type(kind_, type), inputs[0].dims}};
  }
  FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand> outputs) const override {
    return following_formats(inputs, outputs);
  }
  bool may_overwrite(size_t, std::span<const Operand>, std::span<const Operand>) const override {
    return unary_result_type(kind_, DataType::kFloat32) == DataType::kFloat32;
  }
  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand& x = setup.inputs[0];
    return make_kernel(x.type, static_cast<size_t>(element_count(x.dims)));
  }

 private:
  std::unique_ptr<Kernel> make_kernel(DataType type, size_t size) const {
    if (type == DataType::kFloat32) {
      if (const std::optional<KernelCall> call = kernel_call(kind_, a_, b_)) {
        return std::make_unique<FloatKernel>(*call, size);
      }
    }
    const UnaryLoop loop = find_unary_loop(kind_, type);
    return loop ? std::make_unique<LoopKernel>(loop, size, a_, b_) : nullptr;
  }

  UnaryKind kind_;
  float a_, b_;
};

const char* UnaryElementwiseOp::op_type() const {
  // In the order of UnaryKind.
  static constexpr const char* kNames[] = {
      "Abs",        "Neg",   "Sign",      "Floor",  "Ceil",     "Round",       "Sqrt",
      "Reciprocal", "Exp",   "Log",       "Erf",    "Sin",      "Cos",         "Tan",
      "Atan",       "Relu",  "Sigmoid",   "Tanh",   "Softplus", "Softsign",    "HardSwish",
      "Not",        "IsNaN", "LeakyRelu", "Elu",    "Selu",     "HardSigmoid", "ThresholdedRelu",
      "Gelu",       "Asin",  "Acos",      "Sinh",   "Cosh",     "Asinh",       "Acosh",
      "Atanh",      "Celu",  "Mish",      "Shrink", "IsInf",    "BitwiseNot",  "Swish"};
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
