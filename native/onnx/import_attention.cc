// op_type -> op: attention as operator sets 23 and 24 have it.
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
