// op_type -> op: quantisation.
#include <array>
#include <utility>

#include "graph/ops/quantised/quantize.h"
#include "graph/ops/quantised/quantized_product.h"
#include "onnx/node_import.h"
#include "onnx/window_attributes.h"

namespace sealedge {

namespace {

QuantizeAttributes quantize_attributes(NodeImport& node) {
  QuantizeAttributes attributes;
  attributes.axis = node.get_int("axis", 1);
  attributes.block_size = node.get_int("block_size", 0);
  // output_dtype: of Y of QuantizeLinear (opset 21), of Y of DequantizeLinear (opset 23).
  const int64_t type = node.get_int("output_dtype", 0);
  if (type < 0 || type > 255) node.invalid("attribute 'output_dtype' is out of range");
  attributes.type = static_cast<DataType>(type);
  return attributes;
}

void quantize_linear(NodeImport& node) { node.emit(make_quantize_linear(quantize_attributes(node)), node.inputs()); }

void dequantize_linear(NodeImport& node) {
  QuantizeAttributes attributes = quantize_attributes(node);
  const DataType type = std::exchange(attributes.type, DataType::kUndefined);
  // Without it, or where the scale says the same, Y has the scale's type.
  const TensorFact* scale = node.constant_fact(node.input(1));
  if (type == DataType::kUndefined || (scale && scale->type == type)) {
    return node.emit(make_dequantize_linear(attributes), node.inputs());
  }
  if (type != DataType::kFloat32 && type != DataType::kFloat16 && type != DataType::kFloat64) {
    return node.unsupported("output_dtype " + std::to_string(static_cast<int>(type)));
  }
  node.emit(make_cast(type), {node.emit_inner(make_dequantize_linear(attributes), node.inputs())});
}

void dynamic_quantize_linear(NodeImport& node) { node.emit(make_dynamic_quantize_linear(), {node.input(0)}); }

using Product = ProductInput;

// Inputs x, w, x_zero_point, w_zero_point.
std::vector<ValueId> integer_inputs(const NodeImport& node) {
  std::vector<ValueId> inputs(Product::kCount, kNoValue);
  inputs[Product::kX] = node.input(0);
  inputs[Product::kW] = node.input(1);
  inputs[Product::kXZero] = node.input(2);
  inputs[Product::kWZero] = node.input(3);
  return inputs;
}

// Scales may be float16 since opset 21; the steps are computed in float32.
ValueId as_float32(NodeImport& node, ValueId scale) {
  if (node.opset() < 21 || scale == kNoValue) return scale;
  const TensorFact* fact = node.constant_fact(scale);
  if (fact && fact->type == DataType::kFloat32) return scale;
  return node.emit_inner(make_cast(DataType::kFloat32), {scale});
}

// Inputs x, x_scale, x_zero_point, w, w_scale, w_zero_point, y_scale, y_zero_point, and B of QLinearConv: in this order
// in ProductInput too.
std::vector<ValueId> linear_inputs(const NodeImport& node) {
  std::vector<ValueId> inputs(Product::kCount, kNoValue);
  for (size_t i = 0; i < node.input_count(); ++i) inputs[i] = node.input(i);
  return inputs;
}

void conv_integer(NodeImport& node) {
  WindowAttributes window = window_attributes(node);
  const int64_t group = node.get_int("group", 1);
  if (group < 1) return node.invalid("attribute 'group' must be positive");
  node.emit(make_quantized_conv("ConvInteger", std::move(window), group, {DataType::kInt32}), integer_inputs(node));
}

void matmul_integer(NodeImport& node) {
  node.emit(make_quantized_matmul("MatMulInteger", false, {DataType::kInt32}), integer_inputs(node));
}

void qlinear_conv(NodeImport& node) {
  WindowAttributes window = window_attributes(node);
  const int64_t group = node.get_int("group", 1);
  if (group < 1) return node.invalid("attribute 'group' must be positive");
  node.emit(make_quantized_conv("QLinearConv", std::move(window), group, {}), linear_inputs(node));
}

void qlinear_matmul(NodeImport& node) {
  std::vector<ValueId> inputs = linear_inputs(node);
  for (size_t i : {Product::kXScale, Product::kWScale, Product::kYScale}) inputs[i] = as_float32(node, inputs[i]);
  node.emit(make_quantized_matmul("QLinearMatMul", false, {}), std::move(inputs));
}

constexpr auto kImporters = std::to_array<OpImporter>({
    {"ConvInteger", 2, 4, conv_integer},
    {"DequantizeLinear", 2, 3, dequantize_linear},
    {"DynamicQuantizeLinear", 1, 1, dynamic_quantize_linear},
    {"MatMulInteger", 2, 4, matmul_integer},
    {"QLinearConv", 8, 9, qlinear_conv},
    {"QLinearMatMul", 8, 8, qlinear_matmul},
    {"QuantizeLinear", 2, 3, quantize_linear},
});

}  // namespace

std::span<const OpImporter> quantize_importers() { return kImporters; }

}  // namespace sealedge
