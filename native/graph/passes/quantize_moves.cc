// Operators that move elements without computing do so on the quantised ones, since (q - zero) * scale says the same
// before and after: DequantizeLinear goes behind them, and further on meets a QuantizeLinear or an integer operator.
#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

#include "graph/ops/quantised/quantize.h"
#include "graph/passes/quantize_rewriter.h"
#include "kernels/qelementwise/qelementwise_scalar.h"

namespace sealedge {

namespace {

// Every output element is one of input 0; the other inputs are shapes and positions.
constexpr auto kMoves =
    std::to_array<std::string_view>({"DepthToSpace", "Expand", "Flatten", "Gather", "Identity", "Reshape", "Slice",
                                     "SpaceToDepth", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze"});

bool is_move(const Op& op) { return std::ranges::find(kMoves, std::string_view(op.op_type())) != kMoves.end(); }

// A maximum of quantised elements is the quantised maximum. Not where a window may touch nothing, whose maximum no
// quantised number is: ceil_mode, or pads as large as the window.
std::optional<PoolParameters> as_max_pool(const Op& op) {
  auto pool = as_pool(op);
  if (!pool || pool->kind != PoolKind::kMax) return std::nullopt;
  if (!pool->window) return pool;
  const WindowAttributes& window = *pool->window;
  if (pool->ceil_mode || window.kernel_shape.empty()) return std::nullopt;
  for (size_t i = 0; i < window.pads.size(); i++) {
    if (window.pads[i] >= window.kernel_shape[i % window.kernel_shape.size()]) return std::nullopt;
  }
  return std::ranges::all_of(window.dilations, [](int64_t d) { return d == 1; }) ? pool : std::nullopt;
}

Node dequantize_node(const Node& like, const Dequantized& from, ValueId q, ValueId output) {
  Node node;
  node.op = make_dequantize_linear({.axis = from.axis});
  node.name = like.name;
  node.inputs = {q, from.scale, from.zero_point};
  node.outputs = {output};
  return node;
}

// What Pad fills with, quantised: nothing unless the number is exactly representable. kNoValue: Pad needs none.
Result<std::optional<ValueId>> pad_value(QuantizeRewriter* rewriter, const Node& node, const QuantizedType& type) {
  float wanted = 0;
  if (node.inputs.size() > 2 && node.inputs[2] != kNoValue) {
    const Constant* constant = rewriter->known(node.inputs[2]);
    if (!constant || constant->fact.type != DataType::kFloat32 || element_count(constant->fact.dims) != 1) {
      return std::optional<ValueId>();
    }
    wanted = *reinterpret_cast<const float*>(constant->data);
  }
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const uint8_t byte = q8_quantize_scalar(type.writing(-kInfinity, kInfinity), wanted);
  if (q8_dequantize_scalar(type.reading(), byte) != wanted) return std::optional<ValueId>();
  SEALEDGE_ASSIGN(const ValueId id, rewriter->add_bytes({type.type, {}}, &byte));
  return std::optional<ValueId>(id);
}

}  // namespace

Result<bool> push_dequantize_through(QuantizeRewriter* rewriter, const Node& node) {
  if (node.inputs.empty()) return false;
  const auto from = rewriter->dequantized(node.inputs[0]);
  const auto type = from ? rewriter->byte_type(*from) : std::nullopt;
  if (!type) return false;
  Node moved = node;
  moved.inputs[0] = from->q;
  if (const auto pool = as_max_pool(*node.op); pool && node.outputs.size() == 1) {
    moved.op = make_quantized_pool(*pool, *type, *type);
  } else if (std::string_view(node.op->op_type()) == "Pad") {
    SEALEDGE_ASSIGN(const std::optional<ValueId> value, pad_value(rewriter, node, *type));
    if (!value) return false;
    if (moved.inputs.size() < 3) moved.inputs.resize(3, kNoValue);
    moved.inputs[2] = *value;
  } else if (!is_move(*node.op)) {
    return false;
  }
  for (ValueId& output : moved.outputs) {
    if (output != kNoValue) output = rewriter->add_value();
  }
  const std::vector<ValueId> quantized = moved.outputs;
  rewriter->emit(std::move(moved));
  for (size_t i = 0; i < quantized.size(); i++) {
    if (quantized[i] == kNoValue) continue;
    // With one scale for all there is no axis, and the type is remembered by the zero point.
    Dequantized behind = *from;
    behind.axis = 1;
    if (behind.zero_point == kNoValue) {
      const uint8_t zero = 0;
      SEALEDGE_ASSIGN(behind.zero_point, rewriter->add_bytes({type->type, {}}, &zero));
    }
    rewriter->emit(dequantize_node(node, behind, quantized[i], node.outputs[i]));
  }
  return true;
}

// Concat of tensors with several scales, quantised once: each is brought to the result's scale by a table.
Result<bool> quantize_concat(QuantizeRewriter* rewriter, const Node& node) {
  const auto to = rewriter->quantizing(node);
  const Node* concat = to ? rewriter->sole_producer(to->x) : nullptr;
  const auto axis = concat ? as_concat(*concat->op) : std::nullopt;
  if (!axis) return false;
  std::vector<Dequantized> parts;
  std::vector<QuantizedType> types;
  for (ValueId input : concat->inputs) {
    const auto part = rewriter->dequantized(input);
    const auto type = part ? rewriter->byte_type(*part) : std::nullopt;
    if (!type) return false;
    parts.push_back(*part);
    types.push_back(*type);
  }
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const Q8Step step = to->type.writing(-kInfinity, kInfinity);
  Node joined;
  joined.op = make_concat(*axis);
  joined.name = concat->name;
  joined.outputs = node.outputs;
  for (size_t i = 0; i < parts.size(); i++) {
    if (types[i] == to->type) {
      joined.inputs.push_back(parts[i].q);
      continue;
    }
    ByteTable table;
    for (size_t x = 0; x < table.size(); x++) {
      table[x] = q8_quantize_scalar(step, q8_dequantize_scalar(types[i].reading(), static_cast<uint8_t>(x)));
    }
    Node lookup;
    lookup.op = make_lookup("Requantize", types[i].type, to->type.type, table);
    lookup.name = joined.name;
    lookup.inputs = {parts[i].q};
    lookup.outputs = {rewriter->add_value()};
    joined.inputs.push_back(lookup.outputs[0]);
    rewriter->emit(std::move(lookup));
  }
  rewriter->emit(std::move(joined));
  return true;
}

}  // namespace sealedge
