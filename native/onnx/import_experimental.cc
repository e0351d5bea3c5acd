// op_type -> op: the experimental operators that ONNX 1.0 to 1.4 had in its default domain (Changelog of those
// versions) and that converters from CoreML, Keras and WinML wrote: each is an arrangement of today's.
#include <array>
#include <cstdint>

#include "onnx/legacy.h"
#include "onnx/node_import.h"

namespace sealedge {

namespace {

ValueId scaled(NodeImport& node, ValueId value, float factor) {
  return node.emit_inner(make_binary(BinaryKind::kMul), {value, scalar_like(node, static_cast<double>(factor), value)});
}

// alpha * x + beta
void affine(NodeImport& node) {
  const ValueId x = node.input(0);
  const ValueId beta = scalar_like(node, static_cast<double>(node.get_float("beta", 0.0f)), x);
  node.emit(make_binary(BinaryKind::kAdd), {scaled(node, x, node.get_float("alpha", 1.0f)), beta});
}

// scale * x + bias[c], images as (N, C, H, W)
void image_scaler(NodeImport& node) {
  const ValueId product = scaled(node, node.input(0), node.get_float("scale", 1.0f));
  if (!node.has("bias")) return node.emit(make_identity(), {product});
  const ValueId bias = node.make_floats_of("bias", {static_cast<int64_t>(node.count_floats("bias"))});
  const ValueId per_channel = node.emit_inner(make_unsqueeze(), {bias, node.make_ints(std::array<int64_t, 2>{1, 2})});
  node.emit(make_binary(BinaryKind::kAdd), {product, per_channel});
}

void scale(NodeImport& node) {
  const double factor = static_cast<double>(node.get_float("scale", 1.0f));
  node.emit(make_binary(BinaryKind::kMul), {node.input(0), scalar_like(node, factor, node.input(0))});
}

// alpha * f(beta * x): f is tanh in ScaledTanh, log(1 + e^x) in ParametricSoftplus
template <UnaryKind kFunction>
void scaled_function(NodeImport& node) {
  if (!node.has("alpha") || !node.has("beta")) return node.invalid("attribute 'alpha' or 'beta' is missing");
  const ValueId inner = scaled(node, node.input(0), node.get_float("beta", 1.0f));
  const ValueId value = node.emit_inner(make_unary(kFunction), {inner});
  const ValueId alpha = scalar_like(node, static_cast<double>(node.get_float("alpha", 1.0f)), value);
  node.emit(make_binary(BinaryKind::kMul), {value, alpha});
}

// border: left, top, right, bottom of (N, C, H, W). With scale (height, width) only left and top are used.
void crop(NodeImport& node) {
  const std::vector<int64_t> border = node.get_ints("border"), size = node.get_ints("scale");
  if (border.size() != 4 || (node.has("scale") && size.size() != 2)) return node.invalid("expected 4 borders, 2 sizes");
  for (const auto& values : {border, size}) {
    for (int64_t value : values) {
      if (value < 0 || value > INT32_MAX) return node.invalid("a border or size is out of range");
    }
  }
  const auto last = [](int64_t trimmed) { return trimmed == 0 ? INT64_MAX : -trimmed; };
  std::array<int64_t, 2> ends = {last(border[3]), last(border[2])};
  if (!size.empty()) ends = {border[1] + size[0], border[0] + size[1]};
  const ValueId starts = node.make_ints(std::array{border[1], border[0]});
  node.emit(make_slice(), {node.input(0), starts, node.make_ints(ends), node.make_ints(std::array<int64_t, 2>{2, 3})});
}

void dynamic_slice(NodeImport& node) { node.emit(make_slice(), node.inputs()); }

constexpr auto kImporters = std::to_array<OpImporter>({
    {"Affine", 1, 1, affine},
    {"Crop", 1, 1, crop},
    {"DynamicSlice", 3, 4, dynamic_slice},
    {"ImageScaler", 1, 1, image_scaler},
    {"ParametricSoftplus", 1, 1, scaled_function<UnaryKind::kSoftplus>},
    {"Scale", 1, 1, scale},
    {"ScaledTanh", 1, 1, scaled_function<UnaryKind::kTanh>},
});

}  // namespace

std::span<const OpImporter> experimental_importers() { return kImporters; }

}  // namespace sealedge
