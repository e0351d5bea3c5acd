// Attention-25: Y = softmax(scale * Q * K' + bias) * V for every head, where several heads of Q may share one of K, V.
//
// Letters: B batch, H heads of Q, G heads of K and V, S queries, T keys (past and new), D and E the sizes of a head of
// K and of V. Q is (B, S, H * D) or (B, H, S, D), and so on; what is kept of the past is (B, G, T, D).
#include "graph/ops/product/attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "graph/ops/element_types.h"
#include "graph/ops/product/product_loops.h"
#include "graph/ops/support.h"
#include "graph/ops/walk.h"
#include "kernels/gemm/gemm.h"

namespace sealedge {

namespace {

enum AttentionInput : size_t { kQ, kK, kV, kMask, kPastKey, kPastValue, kLengths };

// One of Q, K, V, Y: where its heads are, in elements. Elements of a row are neighbours.
struct Heads {
  size_t heads, rows, size;
  size_t batch_stride, head_stride, row_stride;
};

Heads dense_heads(size_t heads, size_t rows, size_t size) {
  return {heads, rows, size, heads * rows * size, rows * size, size};
}
Heads packed_heads(size_t heads, size_t rows, size_t size) {
  return {heads, rows, size, rows * heads * size, size, heads * size};
}

Result<Heads> heads_of(const Operand& operand, int64_t heads, const char* name) {
  const Dims& dims = operand.dims;
  const auto at = [&](size_t d) { return static_cast<size_t>(dims[d]); };
  if (dims.size() == 4) return dense_heads(at(1), at(2), at(3));
  if (dims.size() != 3) return shape_mismatch(std::string(name) + ": expected rank 3 or 4");
  if (heads < 1 || dims[2] % heads != 0) {
    return shape_mismatch(std::string(name) + " " + dims_to_string(dims) + " has not " + std::to_string(heads) +
                          " heads");
  }
  return packed_heads(static_cast<size_t>(heads), at(1), at(2) / static_cast<size_t>(heads));
}

struct AttentionShape {
  size_t batch, past;
  bool continues;  // there is a past, if an empty one
  Heads q, k, v;   // k, v: the new rows
  size_t keys() const { return past + k.rows; }
};

struct Present {
  bool present;
  Heads heads;
};

bool given(std::span<const Operand> inputs, size_t i) { return i < inputs.size() && inputs[i].present; }

Result<AttentionShape> resolve(const AttentionAttributes& attributes, std::span<const Operand> inputs) {
  AttentionShape shape = {.batch = 0, .past = 0, .continues = given(inputs, kPastKey), .q = {}, .k = {}, .v = {}};
  SEALEDGE_ASSIGN(shape.q, heads_of(inputs[kQ], attributes.q_heads, "Q"));
  SEALEDGE_ASSIGN(shape.k, heads_of(inputs[kK], attributes.kv_heads, "K"));
  SEALEDGE_ASSIGN(shape.v, heads_of(inputs[kV], attributes.kv_heads, "V"));
  const int64_t batch = inputs[kQ].dims[0];
  shape.batch = static_cast<size_t>(batch);
  const bool fits = inputs[kK].dims[0] == batch && inputs[kV].dims[0] == batch && shape.q.size == shape.k.size &&
                    shape.k.rows == shape.v.rows && shape.k.heads == shape.v.heads && shape.k.heads > 0 &&
                    shape.q.heads % shape.k.heads == 0;
  if (!fits) {
    return shape_mismatch("Q " + dims_to_string(inputs[kQ].dims) + ", K " + dims_to_string(inputs[kK].dims) +
                          " and V " + dims_to_string(inputs[kV].dims) + " do not go together");
  }
  if (given(inputs, kPastKey) != given(inputs, kPastValue))
    return model_invalid("past_key and past_value come together");
  if (!given(inputs, kPastKey)) return shape;
  const Dims &key = inputs[kPastKey].dims, &value = inputs[kPastValue].dims;
  const auto as_past = [&](const Heads& heads) {
    return Dims{batch, static_cast<int64_t>(heads.heads), key.size() == 4 ? key[2] : -1,
                static_cast<int64_t>(heads.size)};
  };
  if (key != as_past(shape.k) || value != as_past(shape.v)) {
    return shape_mismatch("past_key " + dims_to_string(key) + " or past_value " + dims_to_string(value) +
                          " does not continue K and V");
  }
  shape.past = static_cast<size_t>(key[2]);
  return shape;
}

// A matrix of scores, (S, T).
size_t score_count(const AttentionShape& shape) { return shape.q.rows * shape.keys(); }
size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

// Which element of the mask belongs to a score: it broadcasts to (B, H, S, T), but for keys past its end, which are
// masked.
struct MaskShape {
  bool given = false, boolean = false;
  size_t keys = 0;
  size_t batch = 0, head = 0, row = 0, key = 0;  // strides, 0 where it repeats
};

template <typename T>
class AttentionKernel final : public Kernel {
 public:
  AttentionKernel(const AttentionShape& shape, const AttentionAttributes& attributes, const MaskShape& mask,
                  bool rank_3, DataType lengths, std::span<const Operand> outputs)
      : shape_(shape), attributes_(attributes), mask_(mask), lengths_(lengths) {
    y_ = rank_3 ? packed_heads(shape.q.heads, shape.q.rows, shape.v.size)
                : dense_heads(shape.q.heads, shape.q.rows, shape.v.size);
    keeps_key_ = wants(outputs, 1);
    keeps_value_ = wants(outputs, 2);
    // A head without elements has no scale, and all its scores are 0.
    scale_ = attributes.scale.value_or(shape.k.size == 0 ? 0 : 1 / std::sqrt(static_cast<float>(shape.k.size)));
  }

  // The joined K and V where they are nobody's output; a matrix of scores; a packed factor, and a result.
  size_t scratch_bytes() const override {
    return joined_bytes() + aligned(score_bytes()) + aligned(factor_bytes()) + result_bytes();
  }

  Result<void> run(const RunArgs& args) const override {
    const KernelContext context = kernel_context(args);
    uint8_t* scratch = args.scratch;
    Heads k = shape_.k, v = shape_.v;
    const T* keys = join(args, kK, kPastKey, 1, &k, &scratch);
    const T* values = join(args, kV, kPastValue, 2, &v, &scratch);
    T* scores = reinterpret_cast<T*>(scratch);
    uint8_t* factor = scratch + aligned(score_bytes());
    T* result = reinterpret_cast<T*>(factor + aligned(factor_bytes()));
    const auto* q = reinterpret_cast<const T*>(args.inputs[kQ]);
    auto* y = args.outputs[0] ? reinterpret_cast<T*>(args.outputs[0]) : nullptr;
    const size_t s = shape_.q.rows, t = shape_.keys(), shared = shape_.q.heads / shape_.k.heads;
    for (size_t b = 0; b < shape_.batch; ++b) {
      const Visible visible = visible_keys(args, b);
      for (size_t h = 0; h < shape_.q.heads; ++h) {
        const T* head = q + b * shape_.q.batch_stride + h * shape_.q.head_stride;
        const T* key = keys + b * k.batch_stride + h / shared * k.head_stride;
        const T* value = values + b * v.batch_stride + h / shared * v.head_stride;
        multiply({s, t, k.size, shape_.q.row_stride, 1, 1, k.row_stride}, head, key, scores, factor, context);
        to_probabilities(args, b, h, visible, scores);
        if (!y) continue;
        multiply({s, v.size, t, t, 1, v.row_stride, 1}, scores, value, result, factor, context);
        T* out = y + b * y_.batch_stride + h * y_.head_stride;
        for (size_t row = 0; row < s; ++row)
          std::memcpy(out + row * y_.row_stride, result + row * v.size, v.size * sizeof(T));
      }
    }
    return {};
  }

 private:
  static bool wants(std::span<const Operand> outputs, size_t i) { return i < outputs.size() && outputs[i].present; }
  size_t kept_bytes(const Heads& heads) const {
    return shape_.batch * heads.heads * shape_.keys() * heads.size * sizeof(T);
  }
  size_t joined_bytes() const {
    if (shape_.past == 0) return 0;
    return (keeps_key_ ? 0 : aligned(kept_bytes(shape_.k))) + (keeps_value_ ? 0 : aligned(kept_bytes(shape_.v)));
  }
  size_t score_bytes() const { return score_count(shape_) * sizeof(T); }
  size_t factor_bytes() const {
    if (!std::is_same_v<T, float>) return 0;
    return std::max(f32_panel16_bytes(shape_.k.size, shape_.keys()), f32_panel16_bytes(shape_.keys(), shape_.v.size));
  }
  size_t result_bytes() const { return shape_.q.rows * shape_.v.size * sizeof(T); }

  // Past and new rows of K or V one after the other, where there is a past or they are an output; *heads says how they
  // lie.
  const T* join(const RunArgs& args, size_t input, size_t past_input, size_t output, Heads* heads,
                uint8_t** scratch) const {
    const auto* rows = reinterpret_cast<const T*>(args.inputs[input]);
    const bool wanted = output == 1 ? keeps_key_ : keeps_value_;
    if (shape_.past == 0 && !wanted) return rows;
    T* kept = wanted ? reinterpret_cast<T*>(args.outputs[output]) : reinterpret_cast<T*>(*scratch);
    if (!wanted) *scratch += aligned(kept_bytes(*heads));
    const Heads joined = dense_heads(heads->heads, shape_.keys(), heads->size);
    const T* past = shape_.past > 0 ? reinterpret_cast<const T*>(args.inputs[past_input]) : nullptr;
    const size_t past_count = shape_.past * heads->size;
    for (size_t b = 0; b < shape_.batch; ++b) {
      for (size_t g = 0; g < heads->heads; ++g) {
        T* to = kept + b * joined.batch_stride + g * joined.head_stride;
        if (past) std::memcpy(to, past + (b * heads->heads + g) * past_count, past_count * sizeof(T));
        const T* from = rows + b * heads->batch_stride + g * heads->head_stride;
        for (size_t row = 0; row < heads->rows; ++row) {
          std::memcpy(to + past_count + row * heads->size, from + row * heads->row_stride, heads->size * sizeof(T));
        }
      }
    }
    *heads = joined;
    return kept;
  }

  // Output dense, B of any strides; the rows of A are in one piece.
  static void multiply(const LoopProduct& product, const T* a, const T* b, T* y, uint8_t* factor,
                       const KernelContext& context) {
    if constexpr (std::is_same_v<T, float>) {
      auto* panel = reinterpret_cast<float*>(factor);
      f32_pack_panel16(b, product.k, product.n, product.b_row, product.b_column, panel);
      const F32GemmParams params = {.m = product.m,
                                    .n = product.n,
                                    .k = product.k,
                                    .a = a,
                                    .a_stride = product.a_row,
                                    .c = y,
                                    .c_stride = product.n};
      f32_gemm(params, ResidentWeightSource(factor, f32_panel16_bytes(product.k, product.n)), context);
    } else {
      find_product_loop(kDataTypeOf<T>)(product, a, b, y, context);
    }
  }

  // Of one batch entry: keys that are no padding, and where among them the first query stands, which is before the
  // first key where there are more queries than keys.
  struct Visible {
    int64_t keys, offset;
  };
  Visible visible_keys(const RunArgs& args, size_t b) const {
    const auto keys = static_cast<int64_t>(shape_.keys()), past = static_cast<int64_t>(shape_.past);
    if (lengths_ == DataType::kUndefined) return {keys, past};
    const int64_t length = std::clamp<int64_t>(IndexReader(args.inputs[kLengths], lengths_)[b], 0, keys);
    return {length, shape_.continues ? past : length - static_cast<int64_t>(shape_.q.rows)};
  }

  // The keys [begin, end) that a query may attend to.
  std::pair<size_t, size_t> window(const Visible& visible, size_t row) const {
    const int64_t position = visible.offset + static_cast<int64_t>(row);
    int64_t begin = 0, end = visible.keys;
    if (attributes_.causal) end = std::min(end, position + 1);
    // A window has any size: the difference is taken, not the sum.
    if (attributes_.right_window && *attributes_.right_window < end - position) {
      end = position + *attributes_.right_window + 1;
    }
    if (attributes_.left_window && *attributes_.left_window < position) begin = position - *attributes_.left_window;
    end = std::max<int64_t>(end, 0);
    return {static_cast<size_t>(std::min(begin, end)), static_cast<size_t>(end)};
  }

  // The scores of one head, in place; and output 3 on the way.
  void to_probabilities(const RunArgs& args, size_t b, size_t h, const Visible& visible, T* scores) const {
    const size_t s = shape_.q.rows, t = shape_.keys();
    T* shown = args.outputs.size() > 3 && args.outputs[3]
                   ? reinterpret_cast<T*>(args.outputs[3]) + (b * shape_.q.heads + h) * s * t
                   : nullptr;
    for (size_t row = 0; row < s; ++row) {
      T* line = scores + row * t;
      const auto show = [&](AttentionScores stage) {
        if (shown && attributes_.scores == stage) std::memcpy(shown + row * t, line, t * sizeof(T));
      };
      for (size_t i = 0; i < t; ++i)
        line[i] = T(static_cast<Arithmetic<T>>(line[i]) * static_cast<Arithmetic<T>>(scale_));
      show(AttentionScores::kProduct);
      if (attributes_.softcap > 0) cap(line, t);
      show(AttentionScores::kCapped);
      mask(args.inputs, b, h, row, window(visible, row), line);
      show(AttentionScores::kMasked);
      softmax(line, t);
      show(AttentionScores::kProbabilities);
    }
  }

  void cap(T* line, size_t count) const {
    const auto limit = static_cast<Arithmetic<T>>(attributes_.softcap);
    for (size_t i = 0; i < count; ++i) line[i] = T(limit * std::tanh(static_cast<Arithmetic<T>>(line[i]) / limit));
  }

  void mask(std::span<const uint8_t* const> inputs, size_t b, size_t h, size_t row, std::pair<size_t, size_t> window,
            T* line) const {
    const T never = T(-std::numeric_limits<float>::infinity());
    const size_t start = b * mask_.batch + h * mask_.head + row * mask_.row;
    for (size_t i = 0; i < shape_.keys(); ++i) {
      if (i < window.first || i >= window.second || (mask_.given && i >= mask_.keys && mask_.keys != 1)) {
        line[i] = never;
      } else if (mask_.boolean) {
        if (inputs[kMask][start + i * mask_.key] == 0) line[i] = never;
      } else if (mask_.given) {
        const T bias = reinterpret_cast<const T*>(inputs[kMask])[start + i * mask_.key];
        line[i] = T(static_cast<Arithmetic<T>>(line[i]) + static_cast<Arithmetic<T>>(bias));
      }
    }
  }

  // Where everything is masked there is nothing to attend to: all 0.
  static void softmax(T* line, size_t count) {
    using A = Arithmetic<T>;
    A most = -std::numeric_limits<A>::infinity(), sum = 0;
    for (size_t i = 0; i < count; ++i) most = std::fmax(most, static_cast<A>(line[i]));
    if (most == -std::numeric_limits<A>::infinity()) most = 0;
    for (size_t i = 0; i < count; ++i) {
      const A power = std::exp(static_cast<A>(line[i]) - most);
      sum += power;
      line[i] = T(power);
    }
    if (sum == 0) return;
    for (size_t i = 0; i < count; ++i) line[i] = T(static_cast<A>(line[i]) / sum);
  }

  AttentionShape shape_;
  AttentionAttributes attributes_;
  MaskShape mask_;
  DataType lengths_;
  Heads y_ = {};
  bool keeps_key_ = false, keeps_value_ = false;
  float scale_;
};

class AttentionOp final : public Op {
 public:
  explicit AttentionOp(const AttentionAttributes& attributes) : attributes_(attributes) {}
  const char* op_type() const override { return "Attention"; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const DataType type = inputs[kQ].type;
    if (!dispatch_type(FloatTypes{}, type, []<typename T>() { return true; })) {
      return op_unsupported(data_type_name(type));
    }
    for (size_t i : {kK, kV, kPastKey, kPastValue}) {
      if (given(inputs, i) && inputs[i].type != type)
        return shape_mismatch("Q, K, V and their past have different types");
    }
    SEALEDGE_ASSIGN(const AttentionShape shape, resolve(attributes_, inputs));
    SEALEDGE_TRY(mask_shape(shape, inputs));
    SEALEDGE_TRY(check_lengths(inputs));
    const auto dim = [](size_t value) { return static_cast<int64_t>(value); };
    const int64_t batch = dim(shape.batch), heads = dim(shape.q.heads), rows = dim(shape.q.rows);
    Dims y = {batch, heads, rows, dim(shape.v.size)};
    if (inputs[kQ].dims.size() == 3) {
      int64_t width = 0;
      if (__builtin_mul_overflow(heads, dim(shape.v.size), &width)) return shape_mismatch("Y is too wide");
      y = {batch, rows, width};
    }
    return std::vector<TensorFact>{{type, std::move(y)},
                                   {type, {batch, dim(shape.k.heads), dim(shape.keys()), dim(shape.k.size)}},
                                   {type, {batch, dim(shape.k.heads), dim(shape.keys()), dim(shape.v.size)}},
                                   {type, {batch, heads, rows, dim(shape.keys())}}};
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    SEALEDGE_ASSIGN(const AttentionShape shape, resolve(attributes_, setup.inputs));
    SEALEDGE_ASSIGN(const MaskShape mask, mask_shape(shape, setup.inputs));
    // Sizes of inner matrices that no tensor of the plan has.
    const auto dim = [](size_t value) { return static_cast<int64_t>(value); };
    for (const Dims& dims :
         {Dims{dim(shape.q.rows), dim(shape.keys())}, Dims{dim(shape.keys() + 16), dim(shape.k.size + 16)},
          Dims{dim(shape.keys() + 16), dim(shape.v.size + 16)}}) {
      SEALEDGE_TRY(checked_size_bytes({DataType::kFloat64, dims}));
    }
    const DataType lengths = given(setup.inputs, kLengths) ? setup.inputs[kLengths].type : DataType::kUndefined;
    const bool rank_3 = setup.inputs[kQ].dims.size() == 3;
    return dispatch_type(FloatTypes{}, setup.inputs[kQ].type, [&]<typename T>() -> std::unique_ptr<Kernel> {
      return std::make_unique<AttentionKernel<T>>(shape, attributes_, mask, rank_3, lengths, setup.outputs);
    });
  }

 private:
  static Result<void> check_lengths(std::span<const Operand> inputs) {
    if (!given(inputs, kLengths)) return {};
    const Operand& lengths = inputs[kLengths];
    if (IndexReader::accepts(lengths.type) && lengths.dims == Dims{inputs[kQ].dims[0]}) return {};
    return shape_mismatch("nonpad_kv_seqlen: expected one integer for each of the batch");
  }

  static Result<MaskShape> mask_shape(const AttentionShape& shape, std::span<const Operand> inputs) {
    MaskShape mask;
    if (!given(inputs, kMask)) return mask;
    const Operand& operand = inputs[kMask];
    if (operand.type != DataType::kBool && operand.type != inputs[kQ].type) {
      return shape_mismatch("attn_mask: expected bool or the type of Q");
    }
    mask.given = true;
    mask.boolean = operand.type == DataType::kBool;
    const size_t whole[] = {shape.batch, shape.q.heads, shape.q.rows, shape.keys()};
    size_t* const strides[] = {&mask.batch, &mask.head, &mask.row, &mask.key};
    if (operand.dims.empty() || operand.dims.size() > 4) return shape_mismatch("attn_mask: expected rank 1 to 4");
    size_t stride = 1;
    for (size_t back = 1; back <= operand.dims.size(); ++back) {
      const auto size = static_cast<size_t>(operand.dims[operand.dims.size() - back]);
      const bool shorter = back == 1 && size < whole[3];
      if (size != 1 && size != whole[4 - back] && !shorter) {
        return shape_mismatch("attn_mask " + dims_to_string(operand.dims) + " does not fit the scores");
      }
      *strides[4 - back] = size == 1 ? 0 : stride;
      stride *= size;
    }
    mask.keys = static_cast<size_t>(operand.dims.back());
    return mask;
  }

  AttentionAttributes attributes_;
};

}  // namespace

OpPtr make_attention(const AttentionAttributes& attributes) { return std::make_shared<AttentionOp>(attributes); }

}  // namespace sealedge
