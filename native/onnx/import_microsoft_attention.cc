// Attention as onnxruntime's optimiser writes it: with the projection of Q, K and V, or after it. It becomes the
// standard's Attention with its masks as numbers that are added.
#include <array>

#include "graph/ops/product/attention.h"
#include "graph/ops/quantised/quantized_product.h"
#include "onnx/import_microsoft.h"

namespace sealedge {

namespace {

ValueId plus(NodeImport& node, ValueId a, ValueId b) {
  if (a == kNoValue || b == kNoValue) return a == kNoValue ? b : a;
  return node.emit_inner(make_binary(BinaryKind::kAdd), {a, b});
}

struct Projected {
  ValueId q, k, v;
  ValueId past_key = kNoValue, past_value = kNoValue;
};

// `mask` of integers, `bias` of numbers; each may be missing.
void emit_attention(NodeImport& node, const Projected& in, ValueId mask, ValueId bias,
                    const std::vector<ValueId>& outputs) {
  AttentionAttributes attributes;
  attributes.q_heads = attributes.kv_heads = node.get_int("num_heads", 0);
  if (attributes.q_heads < 1) return node.invalid("attribute 'num_heads' must be positive");
  attributes.causal = node.get_int("unidirectional", 0) != 0;
  // 0 stands for the default.
  if (const float scale = node.get_float("scale", 0); scale != 0) attributes.scale = scale;
  ValueId added = bias;
  if (mask != kNoValue) {
    const float filter_value = node.get_float("mask_filter_value", -10000.0f);
    added = plus(node, bias, node.emit_inner(make_attention_mask(filter_value), {mask, in.k, in.past_key}));
  }
  node.emit_to(make_attention(attributes), {in.q, in.k, in.v, added, in.past_key, in.past_value}, outputs);
}

// Three parts along the last dimension: of these sizes, or equal ones.
std::array<ValueId, 3> split_in_three(NodeImport& node, ValueId value, ValueId sizes) {
  const std::array<ValueId, 3> parts = {node.add_inner(), node.add_inner(), node.add_inner()};
  node.emit_to(make_split(-1, 3), {value, sizes}, {parts.begin(), parts.end()});
  return parts;
}

// What Attention and QAttention share once `projection`, (B, S, all of Q, K and V), is made. `past` and output 1 are
// (2, B, heads, T, size): keys, then values.
void attend(NodeImport& node, ValueId projection, ValueId mask, ValueId past, ValueId bias) {
  if (node.get_int("do_rotary", 0) != 0) return node.unsupported("do_rotary");
  if (node.get_int("past_present_share_buffer", 0) != 0) return node.unsupported("past_present_share_buffer");
  const std::vector<int64_t> sizes = node.get_ints("qkv_hidden_sizes");
  if (!sizes.empty() && sizes.size() != 3) return node.invalid("attribute 'qkv_hidden_sizes': expected 3 values");
  const auto [q, k, v] = split_in_three(node, projection, sizes.empty() ? kNoValue : node.make_ints(sizes));
  Projected in = {q, k, v};
  const ValueId first = node.make_ints(std::array<int64_t, 1>{0});
  if (past != kNoValue) {
    const ValueId key = node.add_inner(), value = node.add_inner();
    node.emit_to(make_split(0, 2), {past, kNoValue}, {key, value});
    in.past_key = node.emit_inner(make_squeeze(), {key, first});
    in.past_value = node.emit_inner(make_squeeze(), {value, first});
  }
  if (!node.wants_output(1)) return emit_attention(node, in, mask, bias, {node.output(0)});
  const ValueId key = node.add_inner(), value = node.add_inner();
  emit_attention(node, in, mask, bias, {node.output(0), key, value});
  const ValueId keys = node.emit_inner(make_unsqueeze(), {key, first});
  const ValueId values = node.emit_inner(make_unsqueeze(), {value, first});
  node.emit_to(make_concat(0), {keys, values}, {node.output(1)});
}

// input, weights, bias, mask_index, past, attention_bias, past_sequence_length
void attention(NodeImport& node) {
  const ValueId product = node.emit_inner(make_matmul(false), {node.input(0), node.input(1)});
  attend(node, plus(node, product, node.input(2)), node.input(3), node.input(4), node.input(5));
}

// input, weight, bias, input_scale, weight_scale, mask_index, input_zero_point, weight_zero_point, past
void quantized_attention(NodeImport& node) {
  using P = ProductInput;
  std::vector<ValueId> inputs(P::kCount, kNoValue);
  inputs[P::kX] = node.input(0);
  inputs[P::kW] = node.input(1);
  inputs[P::kXScale] = node.input(3);
  inputs[P::kWScale] = node.input(4);
  inputs[P::kXZero] = node.input(6);
  inputs[P::kWZero] = node.input(7);
  const ValueId product =
      node.emit_inner(make_quantized_matmul("QAttention", false, {DataType::kFloat32}), std::move(inputs));
  attend(node, plus(node, product, node.input(2)), node.input(5), node.input(8), kNoValue);
}

// query, key, value, bias, key_padding_mask, attention_bias, past_key, past_value
void multi_head_attention(NodeImport& node) {
  if (!node.has_input(1) || !node.has_input(2)) return node.unsupported("Q, K and V in one tensor");
  Projected in = {node.input(0), node.input(1), node.input(2), node.input(6), node.input(7)};
  if (node.has_input(3)) {
    // As wide as what they are added to: a head of V may have another size than one of Q and K.
    std::vector<ValueId> widths;
    for (ValueId part : {in.q, in.k, in.v}) widths.push_back(node.emit_inner(make_shape(2, 3), {part}));
    const auto [q, k, v] = split_in_three(node, node.input(3), node.emit_inner(make_concat(0), std::move(widths)));
    in.q = plus(node, in.q, q);
    in.k = plus(node, in.k, k);
    in.v = plus(node, in.v, v);
  }
  emit_attention(node, in, node.input(4), node.input(5), {node.output(0), node.output(1), node.output(2)});
}

constexpr auto kImporters = std::to_array<OpImporter>({
    {"Attention", 2, 6, attention},
    {"MultiHeadAttention", 1, 8, multi_head_attention},
    {"QAttention", 5, 9, quantized_attention},
});

}  // namespace

std::span<const OpImporter> microsoft_attention_importers() { return kImporters; }

}  // namespace sealedge
