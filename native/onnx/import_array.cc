// op_type -> op: shapes, arrangement of elements, constants.
#include <array>
#include <cstring>

#include "graph/ops/elementwise/bit_cast.h"
#include "onnx/legacy.h"
#include "onnx/node_import.h"
#include "onnx/tensor_data.h"

namespace sealedge {

namespace {

template <OpPtr (*kMake)()>
void plain(NodeImport& node) {
  node.emit(kMake(), node.inputs());
}

void identity(NodeImport& node) { node.alias_output(node.input(0)); }

void cast(NodeImport& node) {
  if (!node.has("to")) return node.invalid("attribute 'to' is missing");
  if (node.opset() < 6) {
    const std::string_view name = node.get_string("to", "");
    const DataType type = data_type_of_name(name);
    if (data_type_size_bytes(type) == 0) return node.unsupported("cast to type " + printable(name));
    return node.emit(make_cast(type), {node.input(0)});
  }
  const int64_t to = node.get_int("to", 0);
  const auto type = to > 0 && to < 256 ? static_cast<DataType>(to) : DataType::kUndefined;
  if (data_type_size_bytes(type) == 0) return node.unsupported("cast to type " + std::to_string(to));
  node.emit(make_cast(type), {node.input(0)});
}

void bit_cast(NodeImport& node) {
  const int64_t to = node.get_int("to", 0);
  const auto type = to > 0 && to < 256 ? static_cast<DataType>(to) : DataType::kUndefined;
  if (data_type_size_bytes(type) == 0) return node.unsupported("cast to type " + std::to_string(to));
  node.emit(make_bit_cast(type), {node.input(0)});
}

void concat(NodeImport& node) {
  if (node.opset() >= 4 && !node.has("axis")) return node.invalid("attribute 'axis' is missing");
  for (size_t i = 0; i < node.input_count(); ++i) {
    if (!node.has_input(i)) return node.invalid("an input is missing");
  }
  node.emit(make_concat(node.get_int("axis", 1)), node.inputs());
}

// Exactly one of the value attributes must be given (Constant-12).
void constant(NodeImport& node) {
  if (node.proto().attributes.size() != 1) return node.invalid("expected exactly one attribute");
  if (node.has("value")) return node.tensor_output(node.get_tensor("value"));
  auto bytes_of = [](const auto& values) {
    return std::span(reinterpret_cast<const uint8_t*>(values.data()), values.size() * sizeof values[0]);
  };
  if (node.has("value_int")) {
    const std::array<int64_t, 1> value = {node.get_int("value_int", 0)};
    return node.constant_output({DataType::kInt64, {}}, bytes_of(value));
  }
  if (node.has("value_float")) {
    const std::array<float, 1> value = {node.get_float("value_float", 0)};
    return node.constant_output({DataType::kFloat32, {}}, bytes_of(value));
  }
  if (node.has("value_ints")) {
    const std::vector<int64_t> values = node.get_ints("value_ints");
    return node.constant_output({DataType::kInt64, {static_cast<int64_t>(values.size())}}, bytes_of(values));
  }
  if (node.has("value_floats")) return node.floats_output("value_floats");
  node.unsupported("attribute '" + printable(node.proto().attributes[0].name) + "'");
}

void constant_of_shape(NodeImport& node) {
  const TensorProto* value = node.get_tensor("value");
  if (!value) {
    if (node.error()) return;
    return node.emit(make_constant_of_shape({DataType::kFloat32, {1}}, std::vector<uint8_t>(4, 0)), {node.input(0)});
  }
  auto fact = tensor_fact(*value);
  if (!fact.ok()) return node.invalid(fact.error().message);
  if (element_count(fact->dims) != 1 || value->external) return node.invalid("attribute 'value' must hold one element");
  std::vector<uint8_t> bytes(data_type_size_bytes(fact->type));
  if (auto decoded = decode_tensor(*value, bytes); !decoded.ok()) return node.invalid(decoded.error().message);
  node.emit(make_constant_of_shape(*fact, std::move(bytes)), {node.input(0)});
}

void flatten(NodeImport& node) { node.emit(make_flatten(node.get_int("axis", 1)), {node.input(0)}); }
void gather(NodeImport& node) { node.emit(make_gather(node.get_int("axis", 0)), node.inputs()); }

void pad(NodeImport& node) {
  const std::string mode(node.get_string("mode", "constant"));
  const ValueId pads = input_or_ints(node, 1, node.opset() < 2 ? "paddings" : "pads", 11);
  if (pads == kNoValue) return node.invalid("pads are missing");
  const ValueId value = input_or_scalar(node, 2, "value", 11);
  node.emit(make_pad(mode), {node.input(0), pads, value, node.opset() >= 18 ? node.input(3) : kNoValue});
}

void range(NodeImport& node) {
  // What float16 is counted in; 1: float32.
  if (const int64_t type = node.get_int("stash_type", 1); type != 1) {
    return node.unsupported("stash_type " + std::to_string(type));
  }
  node.emit(make_range(), node.inputs());
}

void reshape(NodeImport& node) {
  const ValueId shape = input_or_ints(node, 1, "shape", 5);
  if (shape == kNoValue) return node.invalid("the shape is missing");
  node.emit(make_reshape(node.get_int("allowzero", 0) != 0), {node.input(0), shape});
}

void shape(NodeImport& node) {
  std::optional<int64_t> end;
  if (node.has("end")) end = node.get_int("end", 0);
  node.emit(make_shape(node.get_int("start", 0), end), {node.input(0)});
}

void slice(NodeImport& node) {
  if (node.opset() >= 10) return node.emit(make_slice(), node.inputs());
  const ValueId starts = input_or_ints(node, 1, "starts", 10);
  const ValueId ends = input_or_ints(node, 2, "ends", 10);
  if (starts == kNoValue || ends == kNoValue) return node.invalid("starts or ends are missing");
  node.emit(make_slice(), {node.input(0), starts, ends, input_or_ints(node, 3, "axes", 10)});
}

void split(NodeImport& node) {
  // Split-1 had both forms.
  const ValueId sizes = node.has_input(1) ? node.input(1) : input_or_ints(node, 1, "split", 13);
  const int64_t count = node.get_int("num_outputs", static_cast<int64_t>(node.output_count()));
  if (count != static_cast<int64_t>(node.output_count())) return node.invalid("num_outputs differs from the outputs");
  node.emit(make_split(node.get_int("axis", 0), count), {node.input(0), sizes});
}

void squeeze(NodeImport& node) { node.emit(make_squeeze(), {node.input(0), input_or_ints(node, 1, "axes", 13)}); }

void unsqueeze(NodeImport& node) {
  const ValueId axes = input_or_ints(node, 1, "axes", 13);
  if (axes == kNoValue) return node.invalid("axes are missing");
  node.emit(make_unsqueeze(), {node.input(0), axes});
}

void tile(NodeImport& node) {
  if (node.opset() < 6) return legacy_tile(node);
  node.emit(make_tile(), node.inputs());
}

void transpose(NodeImport& node) { node.emit(make_transpose(node.get_ints("perm")), {node.input(0)}); }

constexpr auto kImporters = std::to_array<OpImporter>({
    {"BitCast", 1, 1, bit_cast},
    {"Cast", 1, 1, cast},
    {"CastLike", 2, 2, plain<make_cast_like>},
    {"Concat", 1, kVariadic, concat},
    {"Constant", 0, 0, constant},
    {"ConstantOfShape", 1, 1, constant_of_shape},
    {"Expand", 2, 2, plain<make_expand>},
    {"Flatten", 1, 1, flatten},
    {"Gather", 2, 2, gather},
    {"Identity", 1, 1, identity},
    {"Pad", 1, 4, pad},
    {"Range", 3, 3, range},
    {"Reshape", 1, 2, reshape},
    {"Shape", 1, 1, shape},
    {"Size", 1, 1, plain<make_size>},
    {"Slice", 1, 5, slice},
    {"Split", 1, 2, split},
    {"Squeeze", 1, 2, squeeze},
    {"Tile", 2, 3, tile},
    {"Transpose", 1, 1, transpose},
    {"Unsqueeze", 1, 2, unsqueeze},
});

}  // namespace

std::span<const OpImporter> array_importers() { return kImporters; }

}  // namespace sealedge
