// Products, elementwise operators, softmax and reductions: shapes, types, formats and refusals. Precision is the
// kernels' test.
#include <cmath>
#include <limits>

#include "op_runner.h"

namespace sealedge::testing {
namespace {

std::vector<float> product(const std::vector<float>& a, const std::vector<float>& b, size_t m, size_t k, size_t n) {
  std::vector<float> y(m * n, 0.0f);
  for (size_t i = 0; i < m; i++) {
    for (size_t j = 0; j < n; j++) {
      for (size_t l = 0; l < k; l++) y[i * n + j] += a[i * k + l] * b[l * n + j];
    }
  }
  return y;
}

std::vector<float> transposed(const std::vector<float>& a, size_t rows, size_t columns) {
  std::vector<float> y(a.size());
  for (size_t r = 0; r < rows; r++) {
    for (size_t c = 0; c < columns; c++) y[c * rows + r] = a[r * columns + c];
  }
  return y;
}

TEST(Gemm, EveryTransposition) {
  const std::vector<float> a = noise({4, 7}).floats(), b = noise({7, 19}, 2).floats();
  const std::vector<float> want = product(a, b, 4, 7, 19);
  for (bool constant : {false, true}) {
    for (bool trans_a : {false, true}) {
      for (bool trans_b : {false, true}) {
        const TestTensor left = trans_a ? f32({7, 4}, transposed(a, 4, 7)) : f32({4, 7}, a);
        TestTensor right = trans_b ? f32({19, 7}, transposed(b, 7, 19)) : f32({7, 19}, b);
        right.constant = constant;
        const TestTensor y = run_ok(make_gemm(trans_a, trans_b), {left, right});
        EXPECT_EQ(y.dims, (Dims{4, 19}));
        expect_near(y, want);
      }
    }
  }
  expect_error(make_gemm(false, false), {noise({4, 7}), noise({8, 3})}, ErrorCode::kShapeMismatch, "cannot multiply");
}

TEST(MatMul, VectorsAndBatches) {
  const TestTensor a = noise({2, 3, 4, 5}), b = noise({5, 6}, 2);
  const TestTensor all = run_ok(make_matmul(false), {a, b});
  EXPECT_EQ(all.dims, (Dims{2, 3, 4, 6}));
  expect_near(all, product(a.floats(), b.floats(), 24, 5, 6));
  expect_near(run_ok(make_matmul(false), {a, b.as_constant()}), all.floats());
  expect_near(run_ok(make_matmul(true), {a, f32({6, 5}, transposed(b.floats(), 5, 6)).as_constant()}), all.floats());

  const TestTensor v = noise({5}, 3);
  EXPECT_EQ(run_ok(make_matmul(false), {v, b}).dims, (Dims{6}));
  EXPECT_EQ(run_ok(make_matmul(false), {a, v}).dims, (Dims{2, 3, 4}));
  const TestTensor dot = run_ok(make_matmul(false), {v, v});
  EXPECT_EQ(dot.dims, Dims{});
  expect_near(dot, product(v.floats(), v.floats(), 1, 5, 1));
}

TEST(MatMul, BroadcastsBatches) {
  const TestTensor a = noise({2, 1, 3, 4}), b = noise({5, 4, 2}, 2);
  const TestTensor y = run_ok(make_matmul(false), {a, b});
  ASSERT_EQ(y.dims, (Dims{2, 5, 3, 2}));
  const std::vector<float> av = a.floats(), bv = b.floats(), got = y.floats();
  for (size_t i = 0; i < 2; i++) {
    for (size_t j = 0; j < 5; j++) {
      const std::vector<float> left(av.begin() + static_cast<ptrdiff_t>(i * 12),
                                    av.begin() + static_cast<ptrdiff_t>(i * 12 + 12));
      const std::vector<float> right(bv.begin() + static_cast<ptrdiff_t>(j * 8),
                                     bv.begin() + static_cast<ptrdiff_t>(j * 8 + 8));
      const std::vector<float> want = product(left, right, 3, 4, 2);
      for (size_t e = 0; e < 6; e++) EXPECT_NEAR(got[(i * 5 + j) * 6 + e], want[e], 1e-5f);
    }
  }
  expect_error(make_matmul(false), {a, noise({3, 5, 4, 2})}, ErrorCode::kShapeMismatch, "cannot multiply");
  expect_error(make_matmul(false), {f32({}, {1}), b}, ErrorCode::kShapeMismatch, "cannot multiply");
}

// The same sum whatever format the operands arrive in, with second operands of every kind of shape.
TEST(Binary, FormatsAgree) {
  const TestTensor x = noise({2, 5, 3, 4});
  for (const Dims& dims : {Dims{2, 5, 3, 4}, Dims{5, 1, 1}, Dims{1, 5, 1, 1}, Dims{3, 4}, Dims{4}, Dims{},
                           Dims{5, 3, 4}, Dims{2, 1, 3, 4}}) {
    for (bool constant : {false, true}) {
      TestTensor other = noise(dims, 2);
      other.constant = constant;
      const std::vector<float> want = run_ok(make_binary(BinaryKind::kSub), {x, other}).floats();
      expect_near(run_ok(make_binary(BinaryKind::kSub), {x.arriving_as(Format::kChannelsLast), other}), want);
      std::vector<float> negated = want;
      for (float& v : negated) v = -v;
      expect_near(run_ok(make_binary(BinaryKind::kSub), {other, x.arriving_as(Format::kChannelsLast)}), negated);
    }
  }
}

TEST(Binary, KeepsChannelsLastWhereItCan) {
  const TestTensor x = noise({1, 5, 3, 4}).arriving_as(Format::kChannelsLast);
  EXPECT_EQ(run_ok(make_binary(BinaryKind::kMul), {x, noise({5, 1, 1}).as_constant()}).format, Format::kChannelsLast);
  EXPECT_EQ(run_ok(make_binary(BinaryKind::kMul), {x, noise({1, 5, 3, 4}).as_constant()}).format,
            Format::kChannelsLast);
  EXPECT_EQ(run_ok(make_binary(BinaryKind::kMul), {x, noise({5, 3, 4})}).format, Format::kRowMajor);
}

TEST(Binary, Integers) {
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  const auto compute = [](BinaryKind kind, std::vector<int64_t> a, std::vector<int64_t> b) {
    const auto size = static_cast<int64_t>(a.size());
    return run_ok(make_binary(kind), {i64({size}, a), i64({size}, b)}).values<int64_t>();
  };
  using V = std::vector<int64_t>;
  EXPECT_EQ(compute(BinaryKind::kDiv, {7, -7, kMin}, {2, 2, -1}), (V{3, -3, kMin}));
  EXPECT_EQ(compute(BinaryKind::kMod, {7, -7, 7, -7, kMin}, {3, 3, -3, -3, -1}), (V{1, 2, -2, -1, 0}));
  EXPECT_EQ(compute(BinaryKind::kFmod, {7, -7, 7, -7}, {3, 3, -3, -3}), (V{1, -1, 1, -1}));
  EXPECT_EQ(compute(BinaryKind::kPow, {2, -2, 3, -1, 5}, {10, 3, 0, -3, -1}), (V{1024, -8, 1, -1, 0}));
  EXPECT_EQ(compute(BinaryKind::kAdd, {kMin, 1}, {-1, 2}), (V{std::numeric_limits<int64_t>::max(), 3}));
  EXPECT_EQ(compute(BinaryKind::kMin, {1, 5}, {2, 4}), (V{1, 4}));
  for (BinaryKind kind : {BinaryKind::kDiv, BinaryKind::kMod}) {
    expect_error(make_binary(kind), {i64({1}, {1}), i64({1}, {0})}, ErrorCode::kInputInvalid, "division by zero");
  }
}

TEST(Binary, ComparisonsAndLogic) {
  const TestTensor a = f32({3}, {1, 2, NAN}), b = f32({3}, {2, 2, 2});
  using V = std::vector<uint8_t>;
  EXPECT_EQ(run_ok(make_binary(BinaryKind::kLess), {a, b}).bytes, (V{1, 0, 0}));
  EXPECT_EQ(run_ok(make_binary(BinaryKind::kLessOrEqual), {a, b}).bytes, (V{1, 1, 0}));
  EXPECT_EQ(run_ok(make_binary(BinaryKind::kGreater), {a, b}).bytes, (V{0, 0, 0}));
  EXPECT_EQ(run_ok(make_binary(BinaryKind::kGreaterOrEqual), {a, b}).bytes, (V{0, 1, 0}));
  EXPECT_EQ(run_ok(make_binary(BinaryKind::kEqual), {a, b}).bytes, (V{0, 1, 0}));
  EXPECT_EQ(run_ok(make_binary(BinaryKind::kEqual), {a, b}).type, DataType::kBool);
  const TestTensor p = boolean({4}, {0, 0, 1, 1}), q = boolean({4}, {0, 1, 0, 1});
  EXPECT_EQ(run_ok(make_binary(BinaryKind::kAnd), {p, q}).bytes, (V{0, 0, 0, 1}));
  EXPECT_EQ(run_ok(make_binary(BinaryKind::kOr), {p, q}).bytes, (V{0, 1, 1, 1}));
  EXPECT_EQ(run_ok(make_binary(BinaryKind::kXor), {p, q}).bytes, (V{0, 1, 1, 0}));
}

TEST(Binary, Refusals) {
  expect_error(make_binary(BinaryKind::kAdd), {noise({2, 3}), noise({2, 4})}, ErrorCode::kShapeMismatch,
               "cannot broadcast");
  expect_error(make_binary(BinaryKind::kAdd), {noise({2}), i64({2}, {1, 2})}, ErrorCode::kShapeMismatch,
               "different types");
  expect_error(make_binary(BinaryKind::kPow), {noise({2}), boolean({2}, {1, 0})}, ErrorCode::kOpUnsupported, "float32");
  expect_error(make_binary(BinaryKind::kAnd), {noise({2}), noise({2})}, ErrorCode::kOpUnsupported, "float32");
  expect_error(make_binary(BinaryKind::kPRelu), {noise({2}), noise({3, 2})}, ErrorCode::kShapeMismatch, "slope");
  expect_error(make_binary(BinaryKind::kAdd), {noise(Dims(9, 1)), noise({1})}, ErrorCode::kOpUnsupported,
               "8 dimensions");
}

TEST(Unary, IntegersAndBool) {
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  const TestTensor x = i64({4}, {-3, 0, 5, kMin});
  using V = std::vector<int64_t>;
  EXPECT_EQ(run_ok(make_unary(UnaryKind::kAbs), {x}).values<int64_t>(), (V{3, 0, 5, kMin}));
  EXPECT_EQ(run_ok(make_unary(UnaryKind::kNeg), {x}).values<int64_t>(), (V{3, 0, -5, kMin}));
  EXPECT_EQ(run_ok(make_unary(UnaryKind::kSign), {x}).values<int64_t>(), (V{-1, 0, 1, -1}));
  EXPECT_EQ(run_ok(make_unary(UnaryKind::kRelu), {x}).values<int64_t>(), (V{0, 0, 5, 0}));
  EXPECT_EQ(run_ok(make_unary(UnaryKind::kNot), {boolean({2}, {0, 1})}).bytes, (std::vector<uint8_t>{1, 0}));
  EXPECT_EQ(run_ok(make_unary(UnaryKind::kIsNaN), {f32({2}, {NAN, 1})}).bytes, (std::vector<uint8_t>{1, 0}));
  expect_error(make_unary(UnaryKind::kExp), {x}, ErrorCode::kOpUnsupported, "int64");
  expect_error(make_unary(UnaryKind::kNot), {noise({1})}, ErrorCode::kOpUnsupported, "float32");
}

TEST(Unary, EveryKindHasItsFormula) {
  const float x = 0.7f;
  const std::pair<OpPtr, float> cases[] = {
      {make_unary(UnaryKind::kFloor), 0.0f},
      {make_unary(UnaryKind::kCeil), 1.0f},
      {make_unary(UnaryKind::kRound), 1.0f},
      {make_unary(UnaryKind::kSqrt), std::sqrt(x)},
      {make_unary(UnaryKind::kReciprocal), 1 / x},
      {make_unary(UnaryKind::kExp), std::exp(x)},
      {make_unary(UnaryKind::kLog), std::log(x)},
      {make_unary(UnaryKind::kErf), std::erf(x)},
      {make_unary(UnaryKind::kSin), std::sin(x)},
      {make_unary(UnaryKind::kCos), std::cos(x)},
      {make_unary(UnaryKind::kTan), std::tan(x)},
      {make_unary(UnaryKind::kAtan), std::atan(x)},
      {make_unary(UnaryKind::kSigmoid), 1 / (1 + std::exp(-x))},
      {make_unary(UnaryKind::kTanh), std::tanh(x)},
      {make_unary(UnaryKind::kSoftplus), std::log1p(std::exp(x))},
      {make_unary(UnaryKind::kSoftsign), x / (1 + x)},
      {make_unary(UnaryKind::kHardSwish), x * (x / 6 + 0.5f)},
      {make_unary(UnaryKind::kThresholdedRelu, 0.8f), 0.0f},
      {make_unary(UnaryKind::kHardSigmoid, 0.2f, 0.5f), 0.2f * x + 0.5f},
      {make_unary(UnaryKind::kGelu), 0.5f * x * (1 + std::erf(x / std::sqrt(2.0f)))},
      {make_unary(UnaryKind::kGelu, 1), 0.5f * x * (1 + std::tanh(0.7978846f * (x + 0.044715f * x * x * x)))},
  };
  for (const auto& [op, want] : cases) {
    SCOPED_TRACE(op->op_type());
    expect_near(run_ok(op, {f32({1}, {x})}), {want}, 1e-6f);
  }
  const auto below = [](OpPtr op) { return run_ok(op, {f32({1}, {-0.5f})}).floats()[0]; };
  EXPECT_NEAR(below(make_unary(UnaryKind::kElu, 2)), 2 * std::expm1(-0.5f), 1e-6f);
  EXPECT_NEAR(below(make_unary(UnaryKind::kSelu, 1.5f, 2)), 3 * std::expm1(-0.5f), 1e-6f);
  EXPECT_NEAR(below(make_unary(UnaryKind::kLeakyRelu, 0.1f)), -0.05f, 1e-7f);
}

TEST(Clip, BoundsAreOptionalAndMaxWins) {
  const TestTensor x = f32({4}, {-2, 0, 2, NAN}), none = {};
  const auto clip = [&](const TestTensor& lo, const TestTensor& hi) {
    return run_ok(make_clip(), {x, lo, hi}).floats();
  };
  const TestTensor one = f32({}, {1}), minus = f32({}, {-1});
  EXPECT_EQ(clip(minus, one)[0], -1);
  EXPECT_EQ(clip(minus, one)[2], 1);
  EXPECT_TRUE(std::isnan(clip(minus, one)[3]));
  EXPECT_EQ(clip(none, one)[0], -2);
  EXPECT_EQ(clip(minus, none)[2], 2);
  EXPECT_EQ(clip(one, minus)[1], -1);
  EXPECT_EQ(run_ok(make_clip(), {i64({3}, {-5, 0, 5}), i64({}, {-1}), none}).values<int64_t>(),
            (std::vector<int64_t>{-1, 0, 5}));
  expect_error(make_clip(), {x, f32({2}, {1, 2}), none}, ErrorCode::kShapeMismatch, "bound");
}

TEST(Clip, IsAnActivationWithConstantBounds) {
  const float six = 6.0f;
  Operand x = {.present = true, .type = DataType::kFloat32, .dims = {1}};
  Operand absent, bound = {.present = true, .type = DataType::kFloat32, .dims = {}};
  const Operand computed = bound;
  bound.constant = true;
  bound.data = reinterpret_cast<const uint8_t*>(&six);
  const OpPtr clip = make_clip();
  const std::vector<Operand> constant = {x, absent, bound}, dynamic = {x, absent, computed};
  ASSERT_TRUE(as_activation(*clip, constant).has_value());
  EXPECT_EQ(as_activation(*clip, constant)->b, 6.0f);
  EXPECT_EQ(as_activation(*clip, constant)->a, std::numeric_limits<float>::lowest());
  EXPECT_FALSE(as_activation(*clip, dynamic).has_value());
}

TEST(Where, Broadcasts) {
  const TestTensor y = run_ok(make_where(), {boolean({2, 1}, {1, 0}), f32({3}, {1, 2, 3}), f32({}, {9})});
  EXPECT_EQ(y.dims, (Dims{2, 3}));
  EXPECT_EQ(y.floats(), (std::vector<float>{1, 2, 3, 9, 9, 9}));
  expect_error(make_where(), {noise({1}), noise({1}), noise({1})}, ErrorCode::kShapeMismatch, "not bool");
}

TEST(Softmax, AxesAndFormats) {
  const TestTensor x = noise({2, 5, 3, 4});
  for (int64_t axis = -4; axis < 4; axis++) {
    const OpPtr op = make_softmax(axis, false, false);
    const TestTensor y = run_ok(op, {x});
    const TestTensor sums = run_ok(make_reduce(ReduceKind::kSum, false, false), {y, i64({1}, {axis}).as_constant()});
    for (float sum : sums.floats()) EXPECT_NEAR(sum, 1, 1e-5f);
    expect_near(run_ok(op, {x.arriving_as(Format::kChannelsLast)}), y.floats(), 1e-6f);
  }
  expect_error(make_softmax(4, false, false), {x}, ErrorCode::kModelInvalid, "axis");
}

// Before opset 13 everything from the axis on is one row.
TEST(Softmax, CoercedTo2D) {
  const TestTensor x = noise({2, 3, 4});
  const std::vector<float> flat = run_ok(make_softmax(-1, false, false), {f32({2, 12}, x.floats())}).floats();
  expect_near(run_ok(make_softmax(1, false, true), {x}), flat, 1e-6f);
  expect_near(run_ok(make_softmax(1, false, true), {x.arriving_as(Format::kChannelsLast)}), flat, 1e-6f);
  expect_near(run_ok(make_softmax(3, false, true), {x}), std::vector<float>(24, 1.0f), 1e-6f);
}

TEST(BatchNorm, FormulaInBothFormats) {
  const TestTensor x = noise({2, 3, 2, 2}), scale = noise({3}, 2), b = noise({3}, 3), mean = noise({3}, 4),
                   var = f32({3}, {0.5f, 1, 2});
  std::vector<float> want = x.floats();
  for (size_t i = 0; i < want.size(); i++) {
    const size_t c = i / 4 % 3;
    want[i] = (want[i] - mean.floats()[c]) / std::sqrt(var.floats()[c] + 1e-3f) * scale.floats()[c] + b.floats()[c];
  }
  expect_near(run_ok(make_batch_norm(1e-3f), {x, scale, b, mean, var}), want);
  expect_near(run_ok(make_batch_norm(1e-3f), {x.arriving_as(Format::kChannelsLast), scale, b, mean, var}), want);
  expect_error(make_batch_norm(1e-3f), {x, scale, b, mean, noise({4})}, ErrorCode::kShapeMismatch, "4");
}

TEST(Reduce, FormatsAgreeForEverySetOfAxes) {
  const TestTensor x = noise({2, 5, 3, 4});
  for (unsigned set = 0; set < 16; set++) {
    std::vector<int64_t> axes;
    for (int64_t d = 0; d < 4; d++) {
      if (set >> d & 1) axes.push_back(d % 2 == 0 ? d : d - 4);
    }
    for (bool keepdims : {false, true}) {
      const TestTensor argument = i64({static_cast<int64_t>(axes.size())}, axes).as_constant();
      const OpPtr op = make_reduce(ReduceKind::kMean, keepdims, true);
      const TestTensor want = run_ok(op, {x, argument});
      const TestTensor got = run_ok(op, {x.arriving_as(Format::kChannelsLast), argument});
      EXPECT_EQ(got.dims, want.dims);
      expect_near(got, want.floats());
    }
  }
}

TEST(Reduce, DefaultsAndIntegers) {
  const TestTensor x = i64({2, 3}, {1, 2, 3, 4, 5, 6});
  using V = std::vector<int64_t>;
  EXPECT_EQ(run_ok(make_reduce(ReduceKind::kSum, true, false), {x}).values<int64_t>(), (V{21}));
  EXPECT_EQ(run_ok(make_reduce(ReduceKind::kSum, true, false), {x}).dims, (Dims{1, 1}));
  EXPECT_EQ(run_ok(make_reduce(ReduceKind::kSum, true, true), {x}).values<int64_t>(), x.values<int64_t>());
  const TestTensor columns = i64({1}, {0}).as_constant();
  EXPECT_EQ(run_ok(make_reduce(ReduceKind::kProd, false, false), {x, columns}).values<int64_t>(), (V{4, 10, 18}));
  EXPECT_EQ(run_ok(make_reduce(ReduceKind::kMax, false, false), {x, columns}).values<int64_t>(), (V{4, 5, 6}));
  EXPECT_EQ(run_ok(make_reduce(ReduceKind::kMin, false, false), {x, columns}).values<int64_t>(), (V{1, 2, 3}));
  expect_error(make_reduce(ReduceKind::kSum, false, false), {boolean({2}, {0, 1})}, ErrorCode::kOpUnsupported, "bool");
  expect_error(make_reduce(ReduceKind::kSum, false, false), {x, i64({1}, {2}).as_constant()}, ErrorCode::kModelInvalid,
               "axis");
}

TEST(ArgReduce, TiesAndAxes) {
  const TestTensor x = f32({2, 3}, {3, 1, 3, 2, 5, 4});
  using V = std::vector<int64_t>;
  EXPECT_EQ(run_ok(make_arg_reduce(ArgKind::kMax, 1, false, false), {x}).values<int64_t>(), (V{0, 1}));
  EXPECT_EQ(run_ok(make_arg_reduce(ArgKind::kMax, 1, false, true), {x}).values<int64_t>(), (V{2, 1}));
  EXPECT_EQ(run_ok(make_arg_reduce(ArgKind::kMin, 0, true, false), {x}).values<int64_t>(), (V{1, 0, 0}));
  EXPECT_EQ(run_ok(make_arg_reduce(ArgKind::kMin, -2, true, false), {x}).dims, (Dims{1, 3}));
  expect_error(make_arg_reduce(ArgKind::kMax, 0, false, false), {f32({0, 2}, {})}, ErrorCode::kShapeMismatch, "empty");
}

}  // namespace
}  // namespace sealedge::testing
