// op_type -> op: elementwise arithmetic, products, reductions.
#include <array>

#include "onnx/legacy.h"
#include "onnx/node_import.h"
#include "onnx/product_import.h"

namespace sealedge {

namespace {

template <UnaryKind kKind>
void unary(NodeImport& node) {
  node.emit(make_unary(kKind), {node.input(0)});
}

template <BinaryKind kKind>
void binary(NodeImport& node) {
  const ValueId second = legacy_broadcast_operand(node);
  node.emit(make_binary(kKind), {node.input(0), second});
}

// Sum, Min, Max of any number of inputs: a chain of two at a time.
template <BinaryKind kKind>
void variadic(NodeImport& node) {
  if (node.input_count() == 1) return node.alias_output(node.input(0));
  ValueId total = node.input(0);
  for (size_t i = 1; i + 1 < node.input_count(); ++i)
    total = node.emit_inner(make_binary(kKind), {total, node.input(i)});
  node.emit(make_binary(kKind), {total, node.input(node.input_count() - 1)});
}

void mean(NodeImport& node) {
  ValueId total = node.input(0);
  for (size_t i = 1; i < node.input_count(); ++i) {
    total = node.emit_inner(make_binary(BinaryKind::kAdd), {total, node.input(i)});
  }
  const ValueId count = scalar_like(node, static_cast<double>(node.input_count()), node.input(0));
  node.emit(make_binary(BinaryKind::kDiv), {total, count});
}

void prelu(NodeImport& node) { node.emit(make_binary(BinaryKind::kPRelu), {node.input(0), legacy_slope(node)}); }

void mod(NodeImport& node) {
  const bool fmod = node.get_int("fmod", 0) != 0;
  node.emit(make_binary(fmod ? BinaryKind::kFmod : BinaryKind::kMod), {node.input(0), node.input(1)});
}

// Defaults of the standard: LeakyRelu-16, Elu-6, Selu-6, HardSigmoid-6, ThresholdedRelu-10.
void leaky_relu(NodeImport& node) {
  node.emit(make_unary(UnaryKind::kLeakyRelu, node.get_float("alpha", 0.01f)), {node.input(0)});
}
void elu(NodeImport& node) { node.emit(make_unary(UnaryKind::kElu, node.get_float("alpha", 1.0f)), {node.input(0)}); }
void selu(NodeImport& node) {
  const float alpha = node.get_float("alpha", 1.67326319217681884765625f);
  const float gamma = node.get_float("gamma", 1.05070102214813232421875f);
  node.emit(make_unary(UnaryKind::kSelu, alpha, gamma), {node.input(0)});
}
void hard_sigmoid(NodeImport& node) {
  node.emit(make_unary(UnaryKind::kHardSigmoid, node.get_float("alpha", 0.2f), node.get_float("beta", 0.5f)),
            {node.input(0)});
}
void thresholded_relu(NodeImport& node) {
  node.emit(make_unary(UnaryKind::kThresholdedRelu, node.get_float("alpha", 1.0f)), {node.input(0)});
}
void gelu(NodeImport& node) {
  const std::string_view approximate = node.get_string("approximate", "none");
  if (approximate != "none" && approximate != "tanh") return node.invalid("unknown value of attribute 'approximate'");
  node.emit(make_unary(UnaryKind::kGelu, approximate == "tanh" ? 1.0f : 0.0f), {node.input(0)});
}

void celu(NodeImport& node) { node.emit(make_unary(UnaryKind::kCelu, node.get_float("alpha", 1.0f)), {node.input(0)}); }
void swish(NodeImport& node) {
  node.emit(make_unary(UnaryKind::kSwish, node.get_float("alpha", 1.0f)), {node.input(0)});
}
// Swish(A) * B, the activation of a gate and what goes through it.
void swi_glu(NodeImport& node) {
  const ValueId gate = node.emit_inner(make_unary(UnaryKind::kSwish, node.get_float("alpha", 1.0f)), {node.input(0)});
  node.emit(make_binary(BinaryKind::kMul), {gate, node.input(1)});
}
void shrink(NodeImport& node) {
  node.emit(make_unary(UnaryKind::kShrink, node.get_float("lambd", 0.5f), node.get_float("bias", 0.0f)),
            {node.input(0)});
}
void is_inf(NodeImport& node) {
  const bool negative = node.get_int("detect_negative", 1) != 0, positive = node.get_int("detect_positive", 1) != 0;
  node.emit(make_unary(UnaryKind::kIsInf, negative ? 1.0f : 0.0f, positive ? 1.0f : 0.0f), {node.input(0)});
}
void bit_shift(NodeImport& node) {
  const std::string_view direction = node.get_string("direction", "");
  if (direction != "LEFT" && direction != "RIGHT") return node.invalid("attribute 'direction': expected LEFT or RIGHT");
  node.emit(make_binary(direction == "LEFT" ? BinaryKind::kBitShiftLeft : BinaryKind::kBitShiftRight), node.inputs());
}

void clip(NodeImport& node) {
  const ValueId low = input_or_scalar(node, 1, "min", 11);
  const ValueId high = input_or_scalar(node, 2, "max", 11);
  node.emit(make_clip(), {node.input(0), low, high});
}

void where(NodeImport& node) { node.emit(make_where(), node.inputs()); }

void matmul(NodeImport& node) { node.emit(make_matmul(false), {node.input(0), node.input(1)}); }

}  // namespace

// Y = alpha * A' * B' + beta * C: the product is the operator, the rest are nodes that the passes fuse again if they
// can.
PendingNode gemm_of(NodeImport& node) {
  const float alpha = node.get_float("alpha", 1.0f);
  const float beta = node.get_float("beta", 1.0f);
  const bool add_c = node.has_input(2) && beta != 0.0f;
  const OpPtr product = make_gemm(node.get_int("transA", 0) != 0, node.get_int("transB", 0) != 0);
  const std::vector<ValueId> factors = {node.input(0), node.input(1)};
  if (alpha == 1.0f && !add_c) return {product, factors};

  ValueId result = node.emit_inner(product, factors);
  if (alpha != 1.0f) {
    const std::vector<ValueId> scaled = {result, scalar_like(node, static_cast<double>(alpha), node.input(0))};
    if (!add_c) return {make_binary(BinaryKind::kMul), scaled};
    result = node.emit_inner(make_binary(BinaryKind::kMul), scaled);
  }
  ValueId c = node.input(2);
  if (beta != 1.0f) {
    c = node.emit_inner(make_binary(BinaryKind::kMul), {c, scalar_like(node, static_cast<double>(beta), c)});
  }
  return {make_binary(BinaryKind::kAdd), {result, c}};
}

namespace {

void gemm(NodeImport& node) {
  PendingNode last = gemm_of(node);
  node.emit(std::move(last.op), std::move(last.inputs));
}

// axes moved from an attribute to an input: ReduceSum in opset 13, the others in 18.
template <ReduceKind kKind>
void reduce(NodeImport& node) {
  const ValueId axes = input_or_ints(node, 1, "axes", kKind == ReduceKind::kSum ? 13 : 18);
  const bool keepdims = node.get_int("keepdims", 1) != 0;
  node.emit(make_reduce(kKind, keepdims, node.get_int("noop_with_empty_axes", 0) != 0), {node.input(0), axes});
}

template <ArgKind kKind>
void arg_reduce(NodeImport& node) {
  node.emit(make_arg_reduce(kKind, node.get_int("axis", 0), node.get_int("keepdims", 1) != 0,
                            node.get_int("select_last_index", 0) != 0),
            {node.input(0)});
}

constexpr auto kImporters = std::to_array<OpImporter>({
    {"Abs", 1, 1, unary<UnaryKind::kAbs>},
    {"Acos", 1, 1, unary<UnaryKind::kAcos>},
    {"Acosh", 1, 1, unary<UnaryKind::kAcosh>},
    {"Add", 2, 2, binary<BinaryKind::kAdd>},
    {"And", 2, 2, binary<BinaryKind::kAnd>},
    {"ArgMax", 1, 1, arg_reduce<ArgKind::kMax>},
    {"ArgMin", 1, 1, arg_reduce<ArgKind::kMin>},
    {"Asin", 1, 1, unary<UnaryKind::kAsin>},
    {"Asinh", 1, 1, unary<UnaryKind::kAsinh>},
    {"Atan", 1, 1, unary<UnaryKind::kAtan>},
    {"Atanh", 1, 1, unary<UnaryKind::kAtanh>},
    {"BitShift", 2, 2, bit_shift},
    {"BitwiseAnd", 2, 2, binary<BinaryKind::kBitwiseAnd>},
    {"BitwiseNot", 1, 1, unary<UnaryKind::kBitwiseNot>},
    {"BitwiseOr", 2, 2, binary<BinaryKind::kBitwiseOr>},
    {"BitwiseXor", 2, 2, binary<BinaryKind::kBitwiseXor>},
    {"Ceil", 1, 1, unary<UnaryKind::kCeil>},
    {"Celu", 1, 1, celu},
    {"Clip", 1, 3, clip},
    {"Cos", 1, 1, unary<UnaryKind::kCos>},
    {"Cosh", 1, 1, unary<UnaryKind::kCosh>},
    {"Div", 2, 2, binary<BinaryKind::kDiv>},
    {"Elu", 1, 1, elu},
    {"Equal", 2, 2, binary<BinaryKind::kEqual>},
    {"Erf", 1, 1, unary<UnaryKind::kErf>},
    {"Exp", 1, 1, unary<UnaryKind::kExp>},
    {"Floor", 1, 1, unary<UnaryKind::kFloor>},
    {"Gelu", 1, 1, gelu},
    {"Gemm", 2, 3, gemm},
    {"Greater", 2, 2, binary<BinaryKind::kGreater>},
    {"GreaterOrEqual", 2, 2, binary<BinaryKind::kGreaterOrEqual>},
    {"HardSigmoid", 1, 1, hard_sigmoid},
    {"HardSwish", 1, 1, unary<UnaryKind::kHardSwish>},
    {"IsInf", 1, 1, is_inf},
    {"IsNaN", 1, 1, unary<UnaryKind::kIsNaN>},
    {"LeakyRelu", 1, 1, leaky_relu},
    {"Less", 2, 2, binary<BinaryKind::kLess>},
    {"LessOrEqual", 2, 2, binary<BinaryKind::kLessOrEqual>},
    {"Log", 1, 1, unary<UnaryKind::kLog>},
    {"MatMul", 2, 2, matmul},
    {"Max", 1, kVariadic, variadic<BinaryKind::kMax>},
    {"Mean", 1, kVariadic, mean},
    {"Min", 1, kVariadic, variadic<BinaryKind::kMin>},
    {"Mish", 1, 1, unary<UnaryKind::kMish>},
    {"Mod", 2, 2, mod},
    {"Mul", 2, 2, binary<BinaryKind::kMul>},
    {"Neg", 1, 1, unary<UnaryKind::kNeg>},
    {"Not", 1, 1, unary<UnaryKind::kNot>},
    {"Or", 2, 2, binary<BinaryKind::kOr>},
    {"PRelu", 2, 2, prelu},
    {"Pow", 2, 2, binary<BinaryKind::kPow>},
    {"Reciprocal", 1, 1, unary<UnaryKind::kReciprocal>},
    {"ReduceL1", 1, 2, reduce<ReduceKind::kL1>},
    {"ReduceL2", 1, 2, reduce<ReduceKind::kL2>},
    {"ReduceLogSum", 1, 2, reduce<ReduceKind::kLogSum>},
    {"ReduceLogSumExp", 1, 2, reduce<ReduceKind::kLogSumExp>},
    {"ReduceMax", 1, 2, reduce<ReduceKind::kMax>},
    {"ReduceMean", 1, 2, reduce<ReduceKind::kMean>},
    {"ReduceMin", 1, 2, reduce<ReduceKind::kMin>},
    {"ReduceProd", 1, 2, reduce<ReduceKind::kProd>},
    {"ReduceSum", 1, 2, reduce<ReduceKind::kSum>},
    {"ReduceSumSquare", 1, 2, reduce<ReduceKind::kSumSquare>},
    {"Relu", 1, 1, unary<UnaryKind::kRelu>},
    {"Round", 1, 1, unary<UnaryKind::kRound>},
    {"Selu", 1, 1, selu},
    {"Shrink", 1, 1, shrink},
    {"Sigmoid", 1, 1, unary<UnaryKind::kSigmoid>},
    {"Sign", 1, 1, unary<UnaryKind::kSign>},
    {"Sin", 1, 1, unary<UnaryKind::kSin>},
    {"Sinh", 1, 1, unary<UnaryKind::kSinh>},
    {"Softplus", 1, 1, unary<UnaryKind::kSoftplus>},
    {"Softsign", 1, 1, unary<UnaryKind::kSoftsign>},
    {"Sqrt", 1, 1, unary<UnaryKind::kSqrt>},
    {"Sub", 2, 2, binary<BinaryKind::kSub>},
    {"Sum", 1, kVariadic, variadic<BinaryKind::kAdd>},
    {"SwiGLU", 2, 2, swi_glu},
    {"Swish", 1, 1, swish},
    {"Tan", 1, 1, unary<UnaryKind::kTan>},
    {"Tanh", 1, 1, unary<UnaryKind::kTanh>},
    {"ThresholdedRelu", 1, 1, thresholded_relu},
    {"Where", 3, 3, where},
    {"Xor", 2, 2, binary<BinaryKind::kXor>},
});

}  // namespace

std::span<const OpImporter> math_importers() { return kImporters; }

}  // namespace sealedge
