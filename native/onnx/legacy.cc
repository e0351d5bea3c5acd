#include "onnx/legacy.h"

#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "graph/ops/legacy_forms.h"

namespace sealedge {

ValueId input_or_ints(NodeImport& node, size_t index, std::string_view attribute, int64_t since) {
  if (node.opset() >= since) return node.input(index);
  if (!node.has(attribute)) return kNoValue;
  return node.make_ints(node.get_ints(attribute));
}

ValueId input_or_scalar(NodeImport& node, size_t index, std::string_view attribute, int64_t since) {
  if (node.opset() >= since) return node.input(index);
  if (!node.has(attribute)) return kNoValue;
  return scalar_like(node, static_cast<double>(node.get_float(attribute, 0)), node.input(0));
}

ValueId scalar_like(NodeImport& node, double value, ValueId like) {
  return node.emit_inner(make_scalar_like(value), {like});
}

ValueId legacy_broadcast_operand(NodeImport& node) {
  const ValueId operand = node.input(1);
  if (node.opset() >= 7 || node.get_int("broadcast", 0) == 0 || !node.has("axis")) return operand;
  return node.emit_inner(make_broadcast_axis(node.get_int("axis", 0)), {operand, node.input(0)});
}

ValueId legacy_slope(NodeImport& node) {
  if (node.opset() >= 7) return node.input(1);
  return node.emit_inner(make_channel_slope(), {node.input(1), node.input(0)});
}

DataType data_type_of_name(std::string_view name) {
  static constexpr struct {
    std::string_view name;
    DataType type;
  } kNames[] = {
      {"FLOAT", DataType::kFloat32},   {"UINT8", DataType::kUint8},    {"INT8", DataType::kInt8},
      {"UINT16", DataType::kUint16},   {"INT16", DataType::kInt16},    {"INT32", DataType::kInt32},
      {"INT64", DataType::kInt64},     {"STRING", DataType::kString},  {"BOOL", DataType::kBool},
      {"FLOAT16", DataType::kFloat16}, {"DOUBLE", DataType::kFloat64}, {"UINT32", DataType::kUint32},
      {"UINT64", DataType::kUint64},
  };
  for (const auto& row : kNames) {
    if (row.name == name) return row.type;
  }
  return DataType::kUndefined;
}

namespace {

// The one number in a small constant of the types Tile-1 allows; NaN is refused by the caller's range.
std::optional<double> constant_scalar(const NodeImport& node, size_t input) {
  const Constant* constant = node.constant(node.input(input));
  if (!constant || !constant->data || element_count(constant->fact.dims) != 1) return std::nullopt;
  const auto read = [&]<typename T>(T value) {
    std::memcpy(&value, constant->data, sizeof value);
    return static_cast<double>(value);
  };
  switch (constant->fact.type) {
    case DataType::kFloat32:
      return read(float{});
    case DataType::kFloat64:
      return read(double{});
    case DataType::kInt32:
      return read(int32_t{});
    case DataType::kInt64:
      return read(int64_t{});
    default:
      return std::nullopt;
  }
}

}  // namespace

void legacy_tile(NodeImport& node) {
  // Each copy is one more input of a Concat: far more than a model has use for.
  static constexpr double kMaxTiles = 4096;
  const std::optional<double> tiles = constant_scalar(node, 1);
  const std::optional<double> axis = constant_scalar(node, 2);
  if (!tiles || !axis) return node.unsupported("tiles or axis that are not constant (opset < 6)");
  if (!(*tiles >= 1 && *tiles <= kMaxTiles) || !(*axis >= 0 && *axis < static_cast<double>(kMaxRank))) {
    return node.invalid("tiles or axis out of range");
  }
  node.emit(make_concat(static_cast<int64_t>(*axis)), std::vector<ValueId>(static_cast<size_t>(*tiles), node.input(0)));
}

// (X - mean) / sqrt(var + epsilon) * scale + B, the parameters having the dims of one sample.
void legacy_batch_normalization_per_element(NodeImport& node) {
  const auto binary = [&](BinaryKind kind, ValueId a, ValueId b) { return node.emit_inner(make_binary(kind), {a, b}); };
  const ValueId x = node.input(0), scale = node.input(1), bias = node.input(2), mean = node.input(3);
  const double epsilon = static_cast<double>(node.get_epsilon(1e-5f));
  const ValueId variance = binary(BinaryKind::kAdd, node.input(4), scalar_like(node, epsilon, node.input(4)));
  const ValueId deviation = node.emit_inner(make_unary(UnaryKind::kSqrt), {variance});
  const ValueId normal = binary(BinaryKind::kDiv, binary(BinaryKind::kSub, x, mean), deviation);
  node.emit(make_binary(BinaryKind::kAdd), {binary(BinaryKind::kMul, normal, scale), bias});
}

}  // namespace sealedge
