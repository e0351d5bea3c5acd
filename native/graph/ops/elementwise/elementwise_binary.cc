// Operators of two operands with numpy broadcasting. float32 arithmetic runs on the kernels; comparisons, logic and
// other types (which is mostly arithmetic on shapes) on plain loops.
#include "graph/ops.h"
#include "graph/ops/elementwise/binary_loops.h"
#include "graph/ops/elementwise/elementwise_types.h"
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

// nullptr: the kind is not defined for these types. They are equal but for Pow.
std::unique_ptr<Kernel> make_kernel(BinaryKind kind, DataType a, DataType b, const BroadcastPlan& plan) {
  if (a != b) return kind == BinaryKind::kPow ? make_power_loop(a, b, plan) : nullptr;
  if (a == DataType::kFloat32) {
    if (const std::optional<BinaryOp> op = float_op(kind)) return std::make_unique<FloatKernel>(*op, plan);
  }
  if (a == DataType::kBool) return make_bool_loop(kind, plan);
  if (!data_type_is_integer(a)) return make_float_loop(kind, a, plan);
  return kind == BinaryKind::kPow ? make_power_loop(a, b, plan) : make_integer_loop(kind, a, plan);
}

class BinaryElementwiseOp final : public LinearTimeOp {
 public:
  explicit BinaryElementwiseOp(BinaryKind kind) : kind_(kind) {}
  BinaryKind kind() const { return kind_; }

  const char* op_type() const override {
    // In the order of BinaryKind.
    static constexpr const char* kNames[] = {
        "Add",  "Sub",         "Mul",      "Div",      "Pow",        "Min",       "Max",       "Mod",
        "Mod",  "PRelu",       "And",      "Or",       "Xor",        "Equal",     "Greater",   "GreaterOrEqual",
        "Less", "LessOrEqual", "BitShift", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor"};
    return kNames[static_cast<size_t>(kind_)];
  }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const DataType type = inputs[0].type;
    if (inputs[1].type != type && kind_ != BinaryKind::kPow) {
      return shape_mismatch(std::string("operands of different types: ") + data_type_name(type) + " and " +
                            data_type_name(inputs[1].type));
    }
    if (!make_kernel(kind_, type, inputs[1].type, {})) {
      return op_unsupported(std::string(data_type_name(type)) + " operands");
    }
    SEALEDGE_ASSIGN(Dims dims, broadcast_dims(inputs.first(2)));
    if (kind_ == BinaryKind::kPRelu && dims != inputs[0].dims) return shape_mismatch("slope is larger than the input");
    return std::vector<TensorFact>{{gives_bool(kind_) ? DataType::kBool : type, std::move(dims)}};
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
    return make_kernel(kind_, setup.inputs[0].type, setup.inputs[1].type, plan);
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
