// Operators of two operands with numpy broadcasting. float32 arithmetic runs on the kernels; comparisons, logic and
// integers (which is mostly arithmetic on shapes) on plain loops.
#include <cmath>
#include <type_traits>

#include "graph/ops.h"
#include "graph/ops/elementwise_types.h"
#include "graph/ops/support.h"
#include "kernels/elementwise/binary.h"

namespace sealedge {

namespace {

std::optional<BinaryOp> float_op(BinaryKind kind) {
  switch (kind) {
    case BinaryKind::kAdd:
      return BinaryOp::kAdd;
    case BinaryKind::kSub:
      return BinaryOp::kSub;
    case BinaryKind::kMul:
      return BinaryOp::kMul;
    case BinaryKind::kDiv:
      return BinaryOp::kDiv;
    case BinaryKind::kPow:
      return BinaryOp::kPow;
    case BinaryKind::kMin:
      return BinaryOp::kMin;
    case BinaryKind::kMax:
      return BinaryOp::kMax;
    case BinaryKind::kPRelu:
      return BinaryOp::kPrelu;
    default:
      return std::nullopt;
  }
}

class FloatKernel final : public Kernel {
 public:
  FloatKernel(BinaryOp op, BroadcastPlan plan) : op_(op), plan_(plan) {}
  Result<void> run(const RunArgs& args) const override {
    f32_binary(op_, plan_, reinterpret_cast<const float*>(args.inputs[0]),
               reinterpret_cast<const float*>(args.inputs[1]), reinterpret_cast<float*>(args.outputs[0]),
               kernel_context(args));
    return {};
  }

 private:
  BinaryOp op_;
  BroadcastPlan plan_;
};

template <typename T, typename R, R (*kFunction)(T, T)>
class LoopKernel final : public Kernel {
 public:
  explicit LoopKernel(BroadcastPlan plan) : plan_(plan) {}
  Result<void> run(const RunArgs& args) const override {
    each_pair(plan_, reinterpret_cast<const T*>(args.inputs[0]), reinterpret_cast<const T*>(args.inputs[1]),
              reinterpret_cast<R*>(args.outputs[0]), kFunction);
    return {};
  }

 private:
  BroadcastPlan plan_;
};

// Integer division and remainder: a zero in B is what the data itself does wrong.
template <typename T, T (*kFunction)(T, T)>
class DividingKernel final : public Kernel {
 public:
  explicit DividingKernel(BroadcastPlan plan) : plan_(plan) {}
  Result<void> run(const RunArgs& args) const override {
    bool zero = false;
    each_pair(plan_, reinterpret_cast<const T*>(args.inputs[0]), reinterpret_cast<const T*>(args.inputs[1]),
              reinterpret_cast<T*>(args.outputs[0]), [&](T a, T b) {
                zero = zero || b == 0;
                return b == 0 ? T{0} : kFunction(a, b);
              });
    if (zero) return Error{ErrorCode::kInputInvalid, "integer division by zero"};
    return {};
  }

 private:
  BroadcastPlan plan_;
};

// Integers wrap around, as in numpy: the sums are made on the unsigned type, where that is defined.
template <typename T>
using Unsigned = std::make_unsigned_t<T>;
template <typename T>
T add(T a, T b) {
  return static_cast<T>(static_cast<Unsigned<T>>(a) + static_cast<Unsigned<T>>(b));
}
template <typename T>
T sub(T a, T b) {
  return static_cast<T>(static_cast<Unsigned<T>>(a) - static_cast<Unsigned<T>>(b));
}
template <typename T>
T mul(T a, T b) {
  return static_cast<T>(static_cast<Unsigned<T>>(a) * static_cast<Unsigned<T>>(b));
}
template <typename T>
T quotient(T a, T b) {
  return std::is_signed_v<T> && b == T(-1) ? sub<T>(0, a) : static_cast<T>(a / b);
}
// Mod takes the sign of B, fmod that of A.
template <typename T>
T truncated_remainder(T a, T b) {
  return std::is_signed_v<T> && b == T(-1) ? T{0} : static_cast<T>(a % b);
}
template <typename T>
T floored_remainder(T a, T b) {
  const T r = truncated_remainder(a, b);
  return r != 0 && (r < 0) != (b < 0) ? static_cast<T>(r + b) : r;
}
template <typename T>
T power(T a, T b) {
  if (b < 0) return a == 1 ? T{1} : a == T(-1) ? (b % 2 == 0 ? T{1} : T(-1)) : T{0};
  T result = 1;
  for (; b > 0; b = static_cast<T>(b / 2), a = mul(a, a)) {
    if (b % 2 != 0) result = mul(result, a);
  }
  return result;
}
template <typename T>
T min(T a, T b) {
  return a < b ? a : b;
}
template <typename T>
T max(T a, T b) {
  return a > b ? a : b;
}
float float_fmod(float a, float b) { return std::fmod(a, b); }

template <typename T>
bool equal(T a, T b) {
  return a == b;
}
template <typename T>
bool greater(T a, T b) {
  return a > b;
}
template <typename T>
bool greater_or_equal(T a, T b) {
  return a >= b;
}
template <typename T>
bool less(T a, T b) {
  return a < b;
}
template <typename T>
bool less_or_equal(T a, T b) {
  return a <= b;
}
// A caller's bool tensor may hold any byte: it is read as one, never as a bool.
using BoolByte = uint8_t;
bool logical_and(BoolByte a, BoolByte b) { return a != 0 && b != 0; }
bool logical_or(BoolByte a, BoolByte b) { return a != 0 || b != 0; }
bool logical_xor(BoolByte a, BoolByte b) { return (a != 0) != (b != 0); }
bool logical_equal(BoolByte a, BoolByte b) { return (a != 0) == (b != 0); }

using KernelPtr = std::unique_ptr<Kernel>;

template <typename T>
KernelPtr comparison(BinaryKind kind, const BroadcastPlan& plan) {
  switch (kind) {
    case BinaryKind::kEqual:
      return std::make_unique<LoopKernel<T, bool, equal<T>>>(plan);
    case BinaryKind::kGreater:
      return std::make_unique<LoopKernel<T, bool, greater<T>>>(plan);
    case BinaryKind::kGreaterOrEqual:
      return std::make_unique<LoopKernel<T, bool, greater_or_equal<T>>>(plan);
    case BinaryKind::kLess:
      return std::make_unique<LoopKernel<T, bool, less<T>>>(plan);
    case BinaryKind::kLessOrEqual:
      return std::make_unique<LoopKernel<T, bool, less_or_equal<T>>>(plan);
    default:
      return nullptr;
  }
}

template <typename T>
KernelPtr integer_kernel(BinaryKind kind, const BroadcastPlan& plan) {
  switch (kind) {
    case BinaryKind::kAdd:
      return std::make_unique<LoopKernel<T, T, add<T>>>(plan);
    case BinaryKind::kSub:
      return std::make_unique<LoopKernel<T, T, sub<T>>>(plan);
    case BinaryKind::kMul:
      return std::make_unique<LoopKernel<T, T, mul<T>>>(plan);
    case BinaryKind::kDiv:
      return std::make_unique<DividingKernel<T, quotient<T>>>(plan);
    case BinaryKind::kMod:
      return std::make_unique<DividingKernel<T, floored_remainder<T>>>(plan);
    case BinaryKind::kFmod:
      return std::make_unique<DividingKernel<T, truncated_remainder<T>>>(plan);
    case BinaryKind::kPow:
      return std::make_unique<LoopKernel<T, T, power<T>>>(plan);
    case BinaryKind::kMin:
      return std::make_unique<LoopKernel<T, T, min<T>>>(plan);
    case BinaryKind::kMax:
      return std::make_unique<LoopKernel<T, T, max<T>>>(plan);
    default:
      return comparison<T>(kind, plan);
  }
}

KernelPtr float_kernel(BinaryKind kind, const BroadcastPlan& plan) {
  if (const std::optional<BinaryOp> op = float_op(kind)) return std::make_unique<FloatKernel>(*op, plan);
  if (kind == BinaryKind::kFmod) return std::make_unique<LoopKernel<float, float, float_fmod>>(plan);
  return comparison<float>(kind, plan);
}

KernelPtr bool_kernel(BinaryKind kind, const BroadcastPlan& plan) {
  switch (kind) {
    case BinaryKind::kAnd:
      return std::make_unique<LoopKernel<BoolByte, bool, logical_and>>(plan);
    case BinaryKind::kOr:
      return std::make_unique<LoopKernel<BoolByte, bool, logical_or>>(plan);
    case BinaryKind::kXor:
      return std::make_unique<LoopKernel<BoolByte, bool, logical_xor>>(plan);
    case BinaryKind::kEqual:
      return std::make_unique<LoopKernel<BoolByte, bool, logical_equal>>(plan);
    default:
      return nullptr;
  }
}

// nullptr: this engine has no such kind for this type.
KernelPtr make_kernel(BinaryKind kind, DataType type, const BroadcastPlan& plan) {
  switch (type) {
    case DataType::kFloat32:
      return float_kernel(kind, plan);
    case DataType::kInt32:
      return integer_kernel<int32_t>(kind, plan);
    case DataType::kInt64:
      return integer_kernel<int64_t>(kind, plan);
    case DataType::kBool:
      return bool_kernel(kind, plan);
    default:
      return nullptr;
  }
}

class BinaryElementwiseOp final : public Op {
 public:
  explicit BinaryElementwiseOp(BinaryKind kind) : kind_(kind) {}
  BinaryKind kind() const { return kind_; }

  const char* op_type() const override {
    // In the order of BinaryKind.
    static constexpr const char* kNames[] = {
        "Add",  "Sub",        "Mul", "Div", "Pow", "Min",   "Max",     "Mod",
        "Mod",  "PRelu",      "And", "Or",  "Xor", "Equal", "Greater", "GreaterOrEqual",
        "Less", "LessOrEqual"};
    return kNames[static_cast<size_t>(kind_)];
  }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const DataType type = inputs[0].type;
    if (inputs[1].type != type) {
      // Pow alone allows two types.
      if (kind_ == BinaryKind::kPow) return op_unsupported("operands of different types");
      return shape_mismatch(std::string("operands of different types: ") + data_type_name(type) + " and " +
                            data_type_name(inputs[1].type));
    }
    if (!make_kernel(kind_, type, {})) return op_unsupported(std::string(data_type_name(type)) + " operands");
    SEALEDGE_ASSIGN(Dims dims, broadcast_dims(inputs.first(2)));
    if (kind_ == BinaryKind::kPRelu && dims != inputs[0].dims) return shape_mismatch("slope is larger than the input");
    return std::vector<TensorFact>{{kind_ >= BinaryKind::kAnd ? DataType::kBool : type, std::move(dims)}};
  }

  FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand> outputs) const override {
    return broadcast_formats(inputs, outputs);
  }
  bool may_overwrite(size_t input, std::span<const Operand> inputs, std::span<const Operand> outputs) const override {
    return inputs[input].type == outputs[0].type && inputs[input].dims == outputs[0].dims;
  }
  // Of two numbers one may come out as it was.
  bool may_copy_input(size_t) const override {
    return kind_ == BinaryKind::kMin || kind_ == BinaryKind::kMax || kind_ == BinaryKind::kMod ||
           kind_ == BinaryKind::kFmod;
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand& y = setup.outputs[0];
    const std::vector<size_t> dims = physical_dims(y);
    const std::vector<size_t> a = physical_strides(setup.inputs[0], y), b = physical_strides(setup.inputs[1], y);
    BroadcastPlan plan;
    make_broadcast_plan(dims.size(), dims.data(), a.data(), b.data(), &plan);  // infer has limited the rank
    return make_kernel(kind_, setup.inputs[0].type, plan);
  }

 private:
  BinaryKind kind_;
};

}  // namespace

OpPtr make_binary(BinaryKind kind) { return std::make_shared<BinaryElementwiseOp>(kind); }

std::optional<BinaryKind> as_binary(const Op& op) {
  const auto* binary = dynamic_cast<const BinaryElementwiseOp*>(&op);
  return binary ? std::optional(binary->kind()) : std::nullopt;
}

}  // namespace sealedge
