// Operators that pick, place, order or count elements by their values or by indices.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "graph/op.h"

namespace sealedge {

using OpPtr = std::shared_ptr<const Op>;

OpPtr make_top_k(int64_t axis, bool largest);  // X, K -> Values, Indices; always sorted
OpPtr make_one_hot(int64_t axis);              // indices, depth, values
OpPtr make_hardmax(int64_t axis, bool coerce_2d);
OpPtr make_cumsum(bool exclusive, bool reverse);   // x, axis
OpPtr make_cumprod(bool exclusive, bool reverse);  // x, axis
OpPtr make_trilu(bool upper);                      // input, k optional
// type kUndefined: that of the input.
OpPtr make_eye_like(DataType type, int64_t k);

OpPtr make_gather_elements(int64_t axis);  // data, indices
OpPtr make_gather_nd(int64_t batch_dims);  // data, indices
enum class ScatterReduction : uint8_t { kNone, kAdd, kMul, kMax, kMin };
std::optional<ScatterReduction> scatter_reduction(std::string_view name);
OpPtr make_scatter_elements(int64_t axis, ScatterReduction reduction);  // data, indices, updates
OpPtr make_scatter_nd(ScatterReduction reduction);                      // data, indices, updates

// Output dims depend on the contents of inputs (Op::needs_contents).
OpPtr make_compress(std::optional<int64_t> axis);                      // input, condition
OpPtr make_non_zero();                                                 // X
OpPtr make_unique_elements(std::optional<int64_t> axis, bool sorted);  // X -> Y, indices, inverse_indices, counts
OpPtr make_non_max_suppression(bool center_point_box);  // boxes, scores, most per class, IoU and score thresholds

// One part of several of the same size along axis, the last of which may be smaller; position < 0 counts from the end.
OpPtr make_split_part(int64_t axis);  // input, size, position

// past_cache, update, write_indices optional; rows past the end wrap around where `circular`.
OpPtr make_tensor_scatter(int64_t axis, bool circular);

OpPtr make_reverse_sequence(int64_t batch_axis, int64_t time_axis);    // input, sequence_lens
OpPtr make_center_crop_pad(std::optional<std::vector<int64_t>> axes);  // input, shape

enum class TfIdfMode : uint8_t { kTf, kIdf, kTfIdf };
// As the standard names them; the pool's strings are not held.
struct TfIdfAttributes {
  int64_t min_gram_length = 0, max_gram_length = 0, max_skip_count = 0;
  TfIdfMode mode = TfIdfMode::kTf;
  std::vector<int64_t> ngram_counts, ngram_indexes, pool;
};
// X (C) or (N, C), and the weights, one per ngram_indexes: an input, because they are weights of the model.
OpPtr make_tf_idf(TfIdfAttributes attributes);

}  // namespace sealedge
