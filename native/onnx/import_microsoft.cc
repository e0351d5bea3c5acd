// Quantised operators. Each is its ONNX operator between DequantizeLinear and QuantizeLinear, which is what it becomes
// here; the passes make the integer kernel of it (docs/QUANTISATION.md).
#include "onnx/import_microsoft.h"

#include <array>

#include "graph/ops/quantised/quantize.h"
#include "graph/ops/quantised/quantized_product.h"
#include "onnx/product_import.h"
#include "onnx/window_attributes.h"

namespace sealedge {

namespace {

// Tensor, scale and zero point as inputs i, i + 1, i + 2.
ValueId dequantized(NodeImport& node, size_t i) {
  return node.emit_inner(make_dequantize_linear({}), {node.input(i), node.input(i + 1), node.input(i + 2)});
}

// Scale and zero point of the output as inputs i, i + 1.
void emit_quantized(NodeImport& node, ValueId value, size_t i) {
  node.emit(make_quantize_linear({}), {value, node.input(i), node.input(i + 1)});
}

// Zero points may be left out between others; whether these may not.
bool has_inputs(NodeImport& node, std::initializer_list<size_t> inputs) {
  for (size_t i : inputs) {
    if (node.has_input(i)) continue;
    node.invalid("input " + std::to_string(i) + " is missing");
    return false;
  }
  return true;
}

// A, A_scale, A_zero_point, B, B_scale, B_zero_point, C_scale, C_zero_point
template <BinaryKind kKind>
void binary(NodeImport& node) {
  if (!has_inputs(node, {1, 3, 4, 6})) return;
  const ValueId a = dequantized(node, 0), b = dequantized(node, 3);
  emit_quantized(node, node.emit_inner(make_binary(kKind), {a, b}), 6);
}

// X, x_scale, x_zero_point, y_scale, y_zero_point
void unary(NodeImport& node, OpPtr op) {
  if (!has_inputs(node, {1, 3})) return;
  const ValueId x = dequantized(node, 0);
  emit_quantized(node, node.emit_inner(std::move(op), {x}), 3);
}

void sigmoid(NodeImport& node) { unary(node, make_unary(UnaryKind::kSigmoid)); }
void leaky_relu(NodeImport& node) { unary(node, make_unary(UnaryKind::kLeakyRelu, node.get_float("alpha", 0.01f))); }

void softmax(NodeImport& node) {
  const bool coerce_2d = node.get_int("opset", 13) < 13;
  unary(node, make_softmax(node.get_int("axis", coerce_2d ? 1 : -1), false, coerce_2d));
}

bool is_channels_first(NodeImport& node) {
  if (node.get_int("channels_last", 0) == 0) return true;
  node.unsupported("channels_last = 1");
  return false;
}

void global_average_pool(NodeImport& node) {
  if (is_channels_first(node)) unary(node, make_global_pool(PoolKind::kAverage));
}

// Channels last, as the optimiser writes 8-bit images, to channels first and back; `rank` of them.
std::vector<int64_t> channels_second(size_t rank) {
  std::vector<int64_t> perm = {0, static_cast<int64_t>(rank) - 1};
  for (size_t i = 1; i + 1 < rank; ++i) perm.push_back(static_cast<int64_t>(i));
  return perm;
}
std::vector<int64_t> channels_last(size_t rank) {
  std::vector<int64_t> perm = {0};
  for (size_t i = 2; i < rank; ++i) perm.push_back(static_cast<int64_t>(i));
  perm.push_back(1);
  return perm;
}

// X (N, spatial..., C)
void nhwc_max_pool(NodeImport& node) {
  WindowAttributes window = window_attributes(node);
  if (window.kernel_shape.empty()) return node.invalid("attribute 'kernel_shape' is missing");
  const size_t rank = window.kernel_shape.size() + 2;
  const ValueId x = node.emit_inner(make_transpose(channels_second(rank)), {node.input(0)});
  const bool ceil_mode = node.get_int("ceil_mode", 0) != 0;
  const ValueId y = node.emit_inner(make_pool(PoolKind::kMax, std::move(window), ceil_mode, false), {x});
  node.emit(make_transpose(channels_last(rank)), {y});
}

// QLinearConv of the standard, and X and Y with channels last if asked for.
void conv(NodeImport& node) {
  WindowAttributes window = window_attributes(node);
  const int64_t group = node.get_int("group", 1);
  if (group < 1) return node.invalid("attribute 'group' must be positive");
  std::vector<ValueId> inputs(ProductInput::kCount, kNoValue);
  for (size_t i = 0; i < node.input_count(); ++i) inputs[i] = node.input(i);
  const TensorFact* weight = node.constant_fact(node.input(ProductInput::kW));
  const size_t rank = weight ? weight->dims.size() : window.kernel_shape.size() + 2;
  const OpPtr product = make_quantized_conv("QLinearConv", std::move(window), group, {});
  if (node.get_int("channels_last", 0) == 0) return node.emit(product, std::move(inputs));
  if (rank < 3) return node.invalid("attribute 'kernel_shape' is missing");
  inputs[0] = node.emit_inner(make_transpose(channels_second(rank)), {inputs[0]});
  node.emit(make_transpose(channels_last(rank)), {node.emit_inner(product, std::move(inputs))});
}

void average_pool(NodeImport& node) {
  if (!is_channels_first(node)) return;
  WindowAttributes window = window_attributes(node);
  if (window.kernel_shape.empty()) return node.invalid("attribute 'kernel_shape' is missing");
  const bool ceil_mode = node.get_int("ceil_mode", 0) != 0;
  const bool count_include_pad = node.get_int("count_include_pad", 0) != 0;
  unary(node, make_pool(PoolKind::kAverage, std::move(window), ceil_mode, count_include_pad));
}

// Y_scale, Y_zero_point, then tensor, scale and zero point of each part
void concat(NodeImport& node) {
  if (!has_inputs(node, {0})) return;
  if (node.input_count() < 5 || node.input_count() % 3 != 2) {
    return node.invalid("expected a scale, a zero point and three inputs for each part, got " +
                        std::to_string(node.input_count()) + " inputs");
  }
  std::vector<ValueId> parts;
  for (size_t i = 2; i < node.input_count(); i += 3) {
    if (!has_inputs(node, {i, i + 1})) return;
    parts.push_back(dequantized(node, i));
  }
  emit_quantized(node, node.emit_inner(make_concat(node.get_int("axis", 0)), std::move(parts)), 0);
}

// A, a_scale, a_zero_point, B, b_scale, b_zero_point, C (int32, in steps of the sums), y_scale, y_zero_point; without
// y_scale the result is float32.
void gemm(NodeImport& node) {
  if (node.get_int("transA", 0) != 0) return node.unsupported("transA");
  if (node.get_float("alpha", 1.0f) != 1.0f) return node.unsupported("alpha");
  using P = ProductInput;
  std::vector<ValueId> inputs(P::kCount, kNoValue);
  for (size_t i = 0; i <= P::kWZero; ++i) inputs[i] = node.input(i);
  inputs[P::kBias] = node.input(6);
  inputs[P::kYScale] = node.input(7);
  inputs[P::kYZero] = node.input(8);
  const ProductOutput output = {node.has_input(7) ? DataType::kUndefined : DataType::kFloat32};
  node.emit(make_quantized_matmul("QGemm", node.get_int("transB", 0) != 0, output), std::move(inputs));
}

// A, B, a_scale, b_scale, a_zero_point, b_zero_point, bias
void matmul_to_float(NodeImport& node) {
  using P = ProductInput;
  std::vector<ValueId> inputs(P::kCount, kNoValue);
  inputs[P::kX] = node.input(0);
  inputs[P::kW] = node.input(1);
  inputs[P::kXScale] = node.input(2);
  inputs[P::kWScale] = node.input(3);
  inputs[P::kXZero] = node.input(4);
  inputs[P::kWZero] = node.input(5);
  const OpPtr product = make_quantized_matmul("MatMulIntegerToFloat", false, {DataType::kFloat32});
  if (!node.has_input(6)) return node.emit(product, std::move(inputs));
  const ValueId value = node.emit_inner(product, std::move(inputs));
  node.emit(make_binary(BinaryKind::kAdd), {value, node.input(6)});
}

// A, B, b_scale, b_zero_point, bias: A is quantised by its own range first.
void dynamic_quantize_matmul(NodeImport& node) {
  using P = ProductInput;
  std::vector<ValueId> inputs(P::kCount, kNoValue);
  for (size_t i : {P::kX, P::kXScale, P::kXZero}) inputs[i] = node.add_inner();
  node.emit_to(make_dynamic_quantize_linear(), {node.input(0)}, {inputs[P::kX], inputs[P::kXScale], inputs[P::kXZero]});
  inputs[P::kW] = node.input(1);
  inputs[P::kWScale] = node.input(2);
  inputs[P::kWZero] = node.input(3);
  const OpPtr product = make_quantized_matmul("DynamicQuantizeMatMul", false, {DataType::kFloat32});
  if (!node.has_input(4)) return node.emit(product, std::move(inputs));
  const ValueId value = node.emit_inner(product, std::move(inputs));
  node.emit(make_binary(BinaryKind::kAdd), {value, node.input(4)});
}

// Weights (D, I, 4 * H) with a scale and zero point for each direction (D), or for each of its columns (D, 4 * H), as
// the LSTM of the standard wants them: numbers, (D, 4 * H, I).
ValueId recurrent_weights(NodeImport& node, size_t weights, size_t scale, size_t zero_point) {
  const TensorFact* fact = node.constant_fact(node.input(scale));
  if (!fact || fact->dims.empty() || fact->dims.size() > 2) {
    node.unsupported("scales that are not fixed for each direction or column");
    return kNoValue;
  }
  constexpr int64_t kMissing[] = {1, 2};
  const ValueId missing = node.make_ints(std::span(kMissing, 3 - fact->dims.size()));
  const OpPtr number = make_cast(DataType::kFloat32);
  const auto spread = [&](ValueId value) { return node.emit_inner(make_unsqueeze(), {value, missing}); };
  ValueId steps = node.emit_inner(number, {node.input(weights)});
  if (node.has_input(zero_point)) {
    const ValueId zero = spread(node.emit_inner(number, {node.input(zero_point)}));
    steps = node.emit_inner(make_binary(BinaryKind::kSub), {steps, zero});
  }
  const ValueId numbers = node.emit_inner(make_binary(BinaryKind::kMul), {steps, spread(node.input(scale))});
  return node.emit_inner(make_transpose({0, 2, 1}), {numbers});
}

// X, W, R, B, sequence_lens, initial_h, initial_c, P, W_scale, W_zero_point, R_scale, R_zero_point. onnxruntime rounds
// X and every h to 8 bits on their way into the products; here they stay as they are, which that rounding approximates.
void dynamic_quantize_lstm(NodeImport& node) {
  if (!has_inputs(node, {8, 10})) return;
  const ValueId w = recurrent_weights(node, 1, 8, 9), r = recurrent_weights(node, 2, 10, 11);
  std::vector<ValueId> inputs = {node.input(0), w, r};
  for (size_t i = 3; i < 8; ++i) inputs.push_back(node.input(i));
  node.emit(make_recurrent(RecurrentKind::kLstm, recurrent_attributes(node, RecurrentKind::kLstm)), std::move(inputs));
}

// int16 or uint16 factors; int32 sums, which wrap around.
void matmul_integer_16(NodeImport& node) {
  const OpPtr widen = make_cast(DataType::kInt32);
  const ValueId a = node.emit_inner(widen, {node.input(0)}), b = node.emit_inner(widen, {node.input(1)});
  node.emit(make_matmul(false), {a, b});
}

// condition, then tensor, scale and zero point of X and of Y, z_scale, z_zero_point
void where(NodeImport& node) {
  if (!has_inputs(node, {1, 2, 4, 5, 7})) return;
  const ValueId x = dequantized(node, 1), y = dequantized(node, 4);
  emit_quantized(node, node.emit_inner(make_where(), {node.input(0), x, y}), 7);
}

// As those of ONNX, which had no 16-bit types when these came.
void quantize_linear(NodeImport& node) {
  node.emit(make_quantize_linear({.axis = node.get_int("axis", 1)}), node.inputs());
}
void dequantize_linear(NodeImport& node) {
  node.emit(make_dequantize_linear({.axis = node.get_int("axis", 1)}), node.inputs());
}

constexpr auto kImporters = std::to_array<OpImporter>({
    {"DequantizeLinear", 2, 3, dequantize_linear},
    {"DynamicQuantizeLSTM", 3, 12, dynamic_quantize_lstm},
    {"DynamicQuantizeMatMul", 3, 5, dynamic_quantize_matmul},
    {"MatMulInteger16", 2, 2, matmul_integer_16},
    {"MatMulIntegerToFloat", 4, 7, matmul_to_float},
    {"NhwcMaxPool", 1, 1, nhwc_max_pool},
    {"QGemm", 6, 9, gemm},
    {"QLinearAdd", 1, 8, binary<BinaryKind::kAdd>},
    {"QLinearAveragePool", 1, 5, average_pool},
    {"QLinearConcat", 1, kVariadic, concat},
    {"QLinearConv", 8, 9, conv},
    {"QLinearGlobalAveragePool", 1, 5, global_average_pool},
    {"QLinearLeakyRelu", 1, 5, leaky_relu},
    {"QLinearMul", 1, 8, binary<BinaryKind::kMul>},
    {"QLinearSigmoid", 1, 5, sigmoid},
    {"QLinearSoftmax", 1, 5, softmax},
    {"QLinearWhere", 1, 9, where},
    {"QuantizeLinear", 2, 3, quantize_linear},
});

}  // namespace

std::span<const OpImporter> microsoft_quantized_importers() { return kImporters; }

std::span<const std::span<const OpImporter>> microsoft_families() {
  static const std::span<const OpImporter> families[] = {
      microsoft_quantized_importers(),
      microsoft_fused_importers(),
      microsoft_attention_importers(),
  };
  return families;
}

}  // namespace sealedge
