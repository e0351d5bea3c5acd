// Attention, RotaryEmbedding, AffineGrid and onnxruntime's masks against their definitions.
#include "graph/ops/product/attention.h"

#include <array>
#include <cmath>

#include "graph/ops/window/sampling.h"
#include "typed_ops.h"

namespace sealedge::testing {
namespace {

// softmax over the keys that take part; 0 where none does.
float attended(const std::vector<float>& scores, const std::vector<float>& values) {
  double sum = 0, total = 0;
  for (size_t i = 0; i < scores.size(); i++) {
    sum += std::exp(scores[i]);
    total += std::exp(scores[i]) * values[i];
  }
  return sum == 0 ? 0.0f : static_cast<float>(total / sum);
}

TestTensor with_mask(const TestTensor& mask) {
  return run_ok(make_attention({.scale = 1.0f}),
                {f32({1, 1, 1, 1}, {0.5f}), f32({1, 1, 3, 1}, {1, 2, 3}), f32({1, 1, 3, 1}, {4, -5, 6}), mask});
}

// Attention-24: a mask that is shorter than the keys hides those behind it.
TEST(Attention, MasksMayBeShort) {
  expect_near(with_mask({}), {attended({0.5f, 1, 1.5f}, {4, -5, 6})});
  expect_near(with_mask(f32({1, 3}, {0, 1, -2})), {attended({0.5f, 2, -0.5f}, {4, -5, 6})});
  expect_near(with_mask(f32({1, 2}, {0, 1})), {attended({0.5f, 2}, {4, -5})});
  expect_near(with_mask(f32({1, 0}, {})), {0});
  expect_near(with_mask(f32({1, 1}, {7})), {attended({7.5f, 8, 8.5f}, {4, -5, 6})});
  expect_near(with_mask(tensor_of<uint8_t>(DataType::kBool, {3}, {1, 0, 1})), {attended({0.5f, 1.5f}, {4, 6})});
  expect_near(with_mask(tensor_of<uint8_t>(DataType::kBool, {0}, {})), {0});
}

TEST(Attention, Refusals) {
  const TestTensor q = noise({2, 3, 4, 5}), k = noise({2, 3, 6, 5}, 2), v = noise({2, 3, 6, 2}, 3);
  const OpPtr op = make_attention({});
  expect_error(op, {q, noise({2, 3, 6, 4}), v}, ErrorCode::kShapeMismatch, "do not go together");
  expect_error(op, {q, noise({2, 2, 6, 5}), noise({2, 2, 6, 2})}, ErrorCode::kShapeMismatch, "do not go together");
  expect_error(op, {q, noise({2, 0, 6, 5}), noise({2, 0, 6, 2})}, ErrorCode::kShapeMismatch, "do not go together");
  expect_error(op, {q, k, noise({2, 3, 5, 2})}, ErrorCode::kShapeMismatch, "do not go together");
  expect_error(op, {q, noise({1, 3, 6, 5}), v}, ErrorCode::kShapeMismatch, "do not go together");
  expect_error(op, {q, k, noise({1, 3, 6, 2})}, ErrorCode::kShapeMismatch, "do not go together");
  expect_error(op, {q, k, noise({2, 1, 6, 2})}, ErrorCode::kShapeMismatch, "do not go together");
  expect_error(op, {q, k, v, noise({1, 2, 3, 4, 6})}, ErrorCode::kShapeMismatch, "rank 1 to 4");
  expect_error(op, {q, k, v, noise({})}, ErrorCode::kShapeMismatch, "rank 1 to 4");
  expect_error(op, {q, k, v, i64({6}, {0, 0, 0, 0, 0, 0})}, ErrorCode::kShapeMismatch, "bool or the type of Q");
  for (const TestTensor& lengths : {i64({1}, {1}), i64({3}, {1, 1, 1}), i64({2, 1}, {1, 1}), f32({2}, {1, 1})}) {
    expect_error(op, {q, k, v, {}, {}, {}, lengths}, ErrorCode::kShapeMismatch, "nonpad_kv_seqlen");
  }
  const TestTensor past_k = noise({2, 3, 1, 5}), past_v = noise({2, 3, 1, 2});
  const auto half = [](const TestTensor& x) { return typed<Float16, float>(x.dims, x.floats()); };
  const std::vector<TestTensor> all = {q, k, v, {}, past_k, past_v};
  for (const size_t other : {1, 2, 4, 5}) {
    std::vector<TestTensor> mixed = all;
    mixed[other] = half(mixed[other]);
    expect_error(op, mixed, ErrorCode::kShapeMismatch, "different types");
  }
  for (const Dims& dims : {Dims{2, 3, 2, 2}, Dims{2, 3, 1, 1}, Dims{2, 1, 1, 2}, Dims{1, 3, 1, 2}}) {
    expect_error(op, {q, k, v, {}, past_k, noise(dims)}, ErrorCode::kShapeMismatch, "does not continue");
  }
  for (const Dims& dims : {Dims{2, 3, 2, 5}, Dims{2, 3, 1, 1}, Dims{2, 1, 1, 5}, Dims{1, 3, 1, 5}}) {
    expect_error(op, {q, k, v, {}, noise(dims), past_v}, ErrorCode::kShapeMismatch, "does not continue");
  }
  expect_error(op, {q, k, v, noise({7})}, ErrorCode::kShapeMismatch, "attn_mask");
  expect_error(op, {q, k, v, noise({3, 6})}, ErrorCode::kShapeMismatch, "attn_mask");
  expect_error(op, {q, k, v, {}, noise({2, 3, 1, 5})}, ErrorCode::kModelInvalid, "come together");
  expect_error(op, {q, k, v, {}, noise({2, 3, 5}), noise({2, 3, 5})}, ErrorCode::kShapeMismatch, "does not continue");
  expect_error(op, {noise({2, 4, 15}), k, v}, ErrorCode::kShapeMismatch, "0 heads");
}

// Attention-24, one score after the other; everything in double.
struct Problem {
  size_t batch, heads, shared, rows, past, keys, size, value_size;  // `shared` heads of Q on each of K and V
  bool causal;
  double softcap;
  size_t total() const { return past + keys; }
};

template <typename T>
void attention_follows_the_formula(double tolerance) {
  RandomCase random(7);
  for (int run = 0; run < 40; ++run) {
    const auto pick = [&](int64_t low, int64_t high) { return static_cast<size_t>(random.between(low, high)); };
    Problem p = {.batch = pick(0, 2),
                 .heads = 0,
                 .shared = pick(1, 2),
                 .rows = pick(0, 4),
                 .past = pick(0, 2),
                 .keys = pick(1, 5),
                 .size = pick(1, 5),
                 .value_size = pick(1, 4),
                 .causal = pick(0, 1) == 1,
                 .softcap = pick(0, 2) == 0 ? 2.0 : 0.0};
    // Without a past the last query stands at the last key that is no padding.
    const bool continues = pick(0, 1) == 1;
    if (!continues) p.past = 0;
    const auto draw_window = [&]() {
      return pick(0, 1) == 0 ? std::nullopt
                             : std::optional<int64_t>(pick(0, 4) == 0 ? INT64_MAX : random.between(0, 3));
    };
    const std::optional<int64_t> left = draw_window(), right = draw_window();
    const size_t groups = pick(1, 3);
    p.heads = groups * p.shared;
    const auto dim = [](size_t value) { return static_cast<int64_t>(value); };
    const Dims q_dims = {dim(p.batch), dim(p.heads), dim(p.rows), dim(p.size)};
    const Dims k_dims = {dim(p.batch), dim(groups), dim(p.keys), dim(p.size)};
    const Dims v_dims = {dim(p.batch), dim(groups), dim(p.keys), dim(p.value_size)};
    const Dims past_k = {dim(p.batch), dim(groups), dim(p.past), dim(p.size)};
    const Dims past_v = {dim(p.batch), dim(groups), dim(p.past), dim(p.value_size)};
    const Dims mask_dims = {dim(p.batch), 1, dim(p.rows), dim(p.total())};
    const auto draw = [&](const Dims& dims) { return random.floats(static_cast<size_t>(element_count(dims)), -1, 1); };
    const auto as = [](const Dims& dims, const std::vector<float>& values) { return typed<T, float>(dims, values); };
    const TestTensor q = as(q_dims, draw(q_dims)), k = as(k_dims, draw(k_dims)), v = as(v_dims, draw(v_dims));
    const TestTensor pk = as(past_k, draw(past_k)), pv = as(past_v, draw(past_v)),
                     mask = as(mask_dims, draw(mask_dims));
    const auto value_of = [](const TestTensor& tensor, size_t i) { return static_cast<double>(tensor.values<T>()[i]); };
    // Nonpad lengths, from all keys down to none.
    std::vector<int64_t> lengths;
    for (size_t b = 0; b < p.batch; ++b) lengths.push_back(random.between(0, dim(p.total())));
    AttentionAttributes attributes = {.causal = p.causal,
                                      .scale = 0.7f,
                                      .softcap = static_cast<float>(p.softcap),
                                      .left_window = left,
                                      .right_window = right};
    const auto got = typed_ok(
        make_attention(attributes),
        {q, k, v, mask, continues ? pk : omitted(), continues ? pv : omitted(), i64({dim(p.batch)}, lengths)}, 3);
    ASSERT_EQ(got[0].dims, (Dims{dim(p.batch), dim(p.heads), dim(p.rows), dim(p.value_size)}));
    const auto row_of = [&](const TestTensor& old, const TestTensor& fresh, size_t b, size_t g, size_t key,
                            size_t width, size_t i) {
      return key < p.past ? value_of(old, ((b * groups + g) * p.past + key) * width + i)
                          : value_of(fresh, ((b * groups + g) * p.keys + key - p.past) * width + i);
    };
    for_each_index(got[0].dims, [&](const Dims& at) {
      const auto b = static_cast<size_t>(at[0]), h = static_cast<size_t>(at[1]), row = static_cast<size_t>(at[2]);
      const size_t g = h / p.shared;
      double sum = 0, weighted = 0;
      for (size_t key = 0; key < p.total(); ++key) {
        const int64_t position = dim(row) + (continues ? dim(p.past) : lengths[b] - dim(p.rows));
        const int64_t ahead = dim(key) - position;
        if ((p.causal && ahead > 0) || dim(key) >= lengths[b]) continue;
        if ((right && ahead > *right) || (left && -ahead > *left)) continue;
        double score = 0;
        for (size_t i = 0; i < p.size; ++i) {
          score += value_of(q, ((b * p.heads + h) * p.rows + row) * p.size + i) * row_of(pk, k, b, g, key, p.size, i);
        }
        score *= static_cast<double>(0.7f);
        if (p.softcap > 0) score = p.softcap * std::tanh(score / p.softcap);
        score += value_of(mask, (b * p.rows + row) * p.total() + key);
        sum += std::exp(score);
        weighted += std::exp(score) * row_of(pv, v, b, g, key, p.value_size, static_cast<size_t>(at[3]));
      }
      EXPECT_NEAR(value_of(got[0], flat_index(got[0].dims, at)), sum == 0 ? 0 : weighted / sum, tolerance);
    });
    for_each_index(got[1].dims, [&](const Dims& at) {
      const auto [b, g, key, i] = std::array{static_cast<size_t>(at[0]), static_cast<size_t>(at[1]),
                                             static_cast<size_t>(at[2]), static_cast<size_t>(at[3])};
      EXPECT_EQ(value_of(got[1], flat_index(got[1].dims, at)), row_of(pk, k, b, g, key, p.size, i));
    });
  }
}

TEST(Attention, FollowsTheFormula) {
  attention_follows_the_formula<float>(1e-5);
  attention_follows_the_formula<double>(1e-12);
  attention_follows_the_formula<Float16>(1e-2);
}

// What is not a number of keys: a length below 0 leaves none, one above all. No cap is none, and so is one below 0.
TEST(Attention, OddParameters) {
  const TestTensor q = noise({2, 1, 2, 3}), k = noise({2, 1, 4, 3}, 2), v = noise({2, 1, 4, 2}, 3);
  const auto lengths = [&](int64_t first, int64_t second) {
    return run_ok(make_attention({}), {q, k, v, {}, {}, {}, i64({2}, {first, second})}).floats();
  };
  EXPECT_EQ(lengths(-1, 4), lengths(0, 99));
  std::vector<float> none = lengths(-1, 4);
  none.resize(4);
  EXPECT_EQ(none, std::vector<float>(4, 0.0f));
  EXPECT_EQ(run_ok(make_attention({.softcap = -1}), {q, k, v}).floats(),
            run_ok(make_attention({}), {q, k, v}).floats());
  // A head without elements has no scale: every key counts the same.
  expect_near(run_ok(make_attention({}), {noise({1, 1, 1, 0}), noise({1, 1, 2, 0}), f32({1, 1, 2, 1}, {1, 4})}),
              {2.5f});
  expect_near(run_ok(make_attention({}), {noise({1, 1, 2, 3}), noise({1, 1, 0, 3}), noise({1, 1, 0, 1})}), {0, 0});
}

// Keys and values that continue a past, whoever wants to see them.
TEST(Attention, PastAndWhatIsWantedOfIt) {
  const std::vector<TestTensor> inputs = {noise({2, 2, 3, 4}),    noise({2, 2, 5, 4}, 2), noise({2, 2, 5, 7}, 3), {},
                                          noise({2, 2, 2, 4}, 4), noise({2, 2, 2, 7}, 5)};
  const auto run = [&](const std::vector<bool>& wanted) {
    return run_op_outputs(make_attention({}), inputs, {}, wanted);
  };
  const auto all = run({true, true, true, true});
  ASSERT_TRUE(all.ok());
  for (const std::vector<bool>& wanted : {std::vector<bool>{true},
                                          {true, true},
                                          {true, false, true},
                                          {true, false, false, true},
                                          {false, true, true},
                                          {false, false, false, true}}) {
    const auto got = run(wanted);
    ASSERT_TRUE(got.ok()) << got.error().message;
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (wanted[i]) EXPECT_EQ((*got)[i].floats(), (*all)[i].floats()) << i;
    }
  }
}

// Heads side by side in rank 3 are those of rank 4.
TEST(Attention, HeadsSideBySide) {
  const TestTensor q = noise({2, 3, 4, 5}), k = noise({2, 3, 6, 5}, 2), v = noise({2, 3, 6, 2}, 3);
  const auto packed = [](const TestTensor& x) {
    const TestTensor turned = run_ok(make_transpose({0, 2, 1, 3}), {x});
    return f32({x.dims[0], x.dims[2], x.dims[1] * x.dims[3]}, turned.floats());
  };
  const TestTensor want = run_ok(make_attention({}), {q, k, v});
  const TestTensor got = run_ok(make_attention({.q_heads = 3, .kv_heads = 3}), {packed(q), packed(k), packed(v)});
  EXPECT_EQ(got.dims, (Dims{2, 4, 6}));
  EXPECT_EQ(got.floats(), packed(want).floats());
}

// RotaryEmbedding-23: (a, b) becomes (a cos - b sin, a sin + b cos).
TEST(RotaryEmbedding, TurnsPairs) {
  RandomCase random(3);
  for (const bool interleaved : {false, true}) {
    for (const int64_t rotated : {2, 4, 6}) {
      const Dims dims = {2, 3, 2, 6};
      const std::vector<float> x = random.floats(72), cos = random.floats(5 * 3), sin = random.floats(5 * 3);
      const auto half = static_cast<size_t>(rotated / 2);
      const auto cut = [&](const std::vector<float>& cache) {
        return f32({5, rotated / 2},
                   std::vector<float>(cache.begin(), cache.begin() + static_cast<ptrdiff_t>(5 * half)));
      };
      const std::vector<int64_t> positions = {4, 0, 3, 1};
      const OpPtr op = make_rotary_embedding({.interleaved = interleaved, .dimensions = rotated});
      const auto got = typed_ok(op, {f32(dims, x), cut(cos), cut(sin), i64({2, 2}, positions)})[0].floats();
      for_each_index({2, 3, 2}, [&](const Dims& at) {
        const size_t head = flat_index(dims, {at[0], at[1], at[2], 0});
        const auto position = static_cast<size_t>(positions[static_cast<size_t>(at[0] * 2 + at[2])]);
        for (size_t i = 0; i < half; ++i) {
          const size_t first = head + (interleaved ? 2 * i : i), second = head + (interleaved ? 2 * i + 1 : i + half);
          const float c = cos[position * half + i], s = sin[position * half + i];
          EXPECT_FLOAT_EQ(got[first], x[first] * c - x[second] * s);
          EXPECT_FLOAT_EQ(got[second], x[first] * s + x[second] * c);
        }
        for (size_t i = 2 * half; i < 6; ++i) EXPECT_EQ(got[head + i], x[head + i]);
      });
    }
  }
  typed_error(make_rotary_embedding({}), {noise({1, 1, 1, 4}), noise({2, 2}), noise({2, 2}), i64({1, 1}, {2})},
              ErrorCode::kInputInvalid, "index 2");
  typed_error(make_rotary_embedding({}), {noise({1, 1, 1, 4}), noise({2, 2}), noise({2, 2}), i64({1, 1}, {-1})},
              ErrorCode::kInputInvalid, "index -1");
  typed_error(make_rotary_embedding({}), {noise({1, 1, 2, 4}), noise({2, 2}), noise({2, 2}), i64({1, 1}, {0})},
              ErrorCode::kShapeMismatch, "position_ids");
  for (const int64_t dimensions : {6, -2}) {
    const Dims cache = {1, 1, std::abs(dimensions) / 2};
    typed_error(make_rotary_embedding({.dimensions = dimensions}), {noise({1, 1, 1, 4}), noise(cache), noise(cache)},
                ErrorCode::kModelInvalid, "up to the size of a head");
  }
  const TestTensor half = typed<Float16, float>({1, 1, 2}, {1, 1});
  typed_error(make_rotary_embedding({}), {noise({1, 1, 1, 4}), noise({1, 1, 2}), half}, ErrorCode::kShapeMismatch,
              "different types");
  typed_error(make_rotary_embedding({}), {noise({1, 1, 1, 4}), half, noise({1, 1, 2})}, ErrorCode::kShapeMismatch,
              "different types");
  typed_error(make_rotary_embedding({.heads = 3}), {noise({1, 1, 4}), noise({1, 1, 2}), noise({1, 1, 2})},
              ErrorCode::kShapeMismatch, "3 heads");
  typed_error(make_rotary_embedding({}), {noise({1, 1, 4}), noise({1, 1, 2}), noise({1, 1, 2})},
              ErrorCode::kShapeMismatch, "0 heads");
  typed_error(make_rotary_embedding({.dimensions = 3}), {noise({1, 1, 1, 4}), noise({1, 1, 1}), noise({1, 1, 1})},
              ErrorCode::kModelInvalid, "even");
  typed_error(make_rotary_embedding({}), {noise({1, 1, 1, 4}), noise({1, 1, 2}), noise({1, 2, 2})},
              ErrorCode::kShapeMismatch, "does not fit");
}

TEST(AttentionMask, FormsByRank) {
  const auto run = [](const TestTensor& mask, const TestTensor& past = {}) {
    return typed_ok(make_attention_mask(-9), {mask, noise({2, 3, 4}), past})[0];
  };
  const auto i32 = [](Dims dims, const std::vector<int32_t>& values) {
    return tensor_of(DataType::kInt32, std::move(dims), values);
  };
  EXPECT_EQ(run(i32({2}, {1, 3})).floats(), (std::vector<float>{0, -9, -9, 0, 0, 0}));
  EXPECT_EQ(run(i32({4}, {2, 3, 1, 0})).floats(), (std::vector<float>{-9, 0, -9, 0, 0, 0}));
  EXPECT_EQ(run(i32({2, 3}, {0, 1, 1, 1, 0, 1})).floats(), (std::vector<float>{-9, 0, 0, 0, -9, 0}));
  EXPECT_EQ(run(i32({2, 1, 3}, {0, 1, 1, 1, 0, 1})).dims, (Dims{2, 1, 1, 3}));
  EXPECT_EQ(run(i32({2, 3}, {0, -1, 2, 1, 0, 1})).floats(), (std::vector<float>{-9, -9, 0, 0, -9, 0}));
  EXPECT_EQ(run(i32({2}, {-1, 9})).floats(), (std::vector<float>{-9, -9, -9, 0, 0, 0}));
  EXPECT_EQ(run(i32({2}, {1, 4}), noise({2, 1, 1, 4})).dims, (Dims{2, 1, 1, 4}));
  // One number for all keys hides none of them.
  for (const TestTensor& one : {i32({2, 1}, {0, 1}), i32({1, 1}, {0})}) {
    EXPECT_EQ(run(one).floats(), std::vector<float>(6, 0.0f));
  }
  for (const Dims& dims : {Dims{3}, Dims{5}, Dims{2, 2}, Dims{1, 3}, Dims{1, 1, 3}, Dims{2, 1, 2}, Dims{2, 1, 1, 3}}) {
    const std::vector<int32_t> ones(static_cast<size_t>(element_count(dims)), 1);
    typed_error(make_attention_mask(-9), {i32(dims, ones), noise({2, 3, 4})}, ErrorCode::kShapeMismatch,
                "does not fit");
  }
}

// AffineGrid-20: theta times (x, y, 1), x and y from -1 to 1.
TEST(AffineGrid, MapsPixels) {
  RandomCase random(5);
  for (const bool corners : {false, true}) {
    const std::vector<float> theta = random.floats(12);
    const auto got = typed_ok(make_affine_grid(corners), {f32({2, 2, 3}, theta), i64({4}, {2, 7, 3, 4})})[0];
    ASSERT_EQ(got.dims, (Dims{2, 3, 4, 2}));
    for_each_index(got.dims, [&](const Dims& at) {
      const auto place = [&](int64_t i, double n) {
        const auto p = static_cast<double>(i);
        return corners ? 2 * p / (n - 1) - 1 : (2 * p + 1) / n - 1;
      };
      const auto row = static_cast<size_t>(at[0] * 6 + at[3] * 3);
      const double want = static_cast<double>(theta[row]) * place(at[2], 4) +
                          static_cast<double>(theta[row + 1]) * place(at[1], 3) + static_cast<double>(theta[row + 2]);
      EXPECT_NEAR(static_cast<double>(got.floats()[flat_index(got.dims, at)]), want, 1e-5);
    });
  }
  // A single pixel lies in the middle, corner as it is.
  for (const bool corners : {false, true}) {
    expect_near(typed_ok(make_affine_grid(corners), {f32({1, 2, 3}, {5, 6, 7, 8, 9, 10}), i64({4}, {1, 1, 1, 1})})[0],
                {7, 10});
  }
  EXPECT_EQ(
      typed_ok(make_affine_grid(true), {f32({1, 3, 4}, std::vector<float>(12)), i64({5}, {1, 2, 0, 3, 1})})[0].dims,
      (Dims{1, 0, 3, 1, 3}));
  typed_error(make_affine_grid(true), {f32({1, 2, 3}, std::vector<float>(6)), i64({4}, {2, 1, 2, 2})},
              ErrorCode::kShapeMismatch, "does not fit");
  typed_error(make_affine_grid(true), {f32({1, 2, 3}, std::vector<float>(6)), i64({4}, {1, 1, -2, 2})},
              ErrorCode::kModelInvalid, "negative");
}

}  // namespace
}  // namespace sealedge::testing
