// op_type -> op: attention as operator sets 23 to 25 have it.
#include <array>

#include "graph/ops/product/attention.h"
#include "onnx/node_import.h"

namespace sealedge {

namespace {

void attention(NodeImport& node) {
  AttentionAttributes attributes;
  attributes.causal = node.get_int("is_causal", 0) != 0;
  attributes.q_heads = node.get_int("q_num_heads", 0);
  attributes.kv_heads = node.get_int("kv_num_heads", 0);
  if (node.has("scale")) attributes.scale = node.get_float("scale", 0);
  attributes.softcap = node.get_float("softcap", 0);
  // -1: unbounded.
  const auto window = [&](std::string_view name) -> std::optional<int64_t> {
    const int64_t size = node.get_int(name, -1);
    if (size < -1) node.invalid("attribute '" + std::string(name) + "' must be -1 or more");
    return size < 0 ? std::nullopt : std::optional(size);
  };
  attributes.left_window = window("left_window_size");
  attributes.right_window = window("right_window_size");
  const int64_t mode = node.get_int("qk_matmul_output_mode", 0);
  if (mode < 0 || mode > 3) return node.invalid("unknown value of attribute 'qk_matmul_output_mode'");
  attributes.scores = static_cast<AttentionScores>(mode);
  node.emit(make_attention(attributes), node.inputs());
}

void rotary_embedding(NodeImport& node) {
  node.emit(make_rotary_embedding({.interleaved = node.get_int("interleaved", 0) != 0,
                                   .heads = node.get_int("num_heads", 0),
                                   .dimensions = node.get_int("rotary_embedding_dim", 0)}),
            node.inputs());
}

constexpr auto kImporters = std::to_array<OpImporter>({
    {"Attention", 3, 7, attention},
    {"RotaryEmbedding", 3, 4, rotary_embedding},
});

}  // namespace

std::span<const OpImporter> attention_importers() { return kImporters; }

}  // namespace sealedge
