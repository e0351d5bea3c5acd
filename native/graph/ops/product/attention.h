// Scaled dot-product attention and the rotation of its heads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "graph/op.h"

namespace sealedge {

using OpPtr = std::shared_ptr<const Op>;

// Which scores output 3 shows: those of the product, with softcap, with softcap and mask, or the probabilities.
// In the order they are made: the cap comes before the mask, or what is masked would take part again.
enum class AttentionScores : uint8_t { kProduct, kCapped, kMasked, kProbabilities };

struct AttentionAttributes {
  bool causal = false;
  int64_t q_heads = 0, kv_heads = 0;  // of inputs of rank 3; 0 where they have rank 4
  AttentionScores scores = AttentionScores::kProduct;
  std::optional<float> scale = {};  // 1 / sqrt(size of a head of K)
  float softcap = 0;                // 0: none
  // Keys that a query sees on either side of its own position; none: all.
  std::optional<int64_t> left_window = {}, right_window = {};
};
// Inputs Q, K, V, attn_mask, past_key, past_value, nonpad_kv_seqlen, all but the first three optional; outputs Y,
// present_key, present_value, qk_matmul_output.
OpPtr make_attention(const AttentionAttributes& attributes);

// onnxruntime's integer masks as what is added to scores, float32 (B, 1, 1 or S, T): 0 for keys that take part,
// `filter_value` for the others. Inputs mask, K, past_key optional: K and its past say how many keys there are. The
// mask is (B): how many keys of each take part; (2 * B): where they end, then where they begin; (B, T) or (B, S, T):
// which; (B, 1) or (1, 1): all, whatever it says.
OpPtr make_attention_mask(float filter_value);

struct RotaryAttributes {
  bool interleaved = false;
  int64_t heads = 0;       // of an input of rank 3
  int64_t dimensions = 0;  // of a head that are rotated; 0: all
};
// Inputs X, cos_cache, sin_cache, position_ids optional.
OpPtr make_rotary_embedding(const RotaryAttributes& attributes);

}  // namespace sealedge
