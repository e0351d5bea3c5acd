// Elementwise operators on every element type, against the standard's formulas in double, with broadcasting, empty
// shapes, NaN, infinities, denormals and the ends of the integers.
#include <cmath>
#include <limits>

#include "graph/ops.h"
#include "typed_ops.h"

namespace sealedge::testing {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct UnaryFormula {
  UnaryKind kind;
  double (*want)(double);
  float a = 0, b = 0;
};

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double softplus(double x) { return x > 30 ? x : std::log1p(std::exp(x)); }

const UnaryFormula kUnary[] = {
    {UnaryKind::kAbs, [](double x) { return std::fabs(x); }},
    {UnaryKind::kNeg, [](double x) { return -x; }},
    {UnaryKind::kSign, [](double x) { return std::isnan(x) ? x : (x > 0) - (x < 0.0); }},
    {UnaryKind::kFloor, [](double x) { return std::floor(x); }},
    {UnaryKind::kCeil, [](double x) { return std::ceil(x); }},
    {UnaryKind::kRound, [](double x) { return std::nearbyint(x); }},
    {UnaryKind::kSqrt, [](double x) { return std::sqrt(x); }},
    {UnaryKind::kReciprocal, [](double x) { return 1 / x; }},
    {UnaryKind::kExp, [](double x) { return std::exp(x); }},
    {UnaryKind::kLog, [](double x) { return std::log(x); }},
    {UnaryKind::kErf, [](double x) { return std::erf(x); }},
    {UnaryKind::kSin, [](double x) { return std::sin(x); }},
    {UnaryKind::kCos, [](double x) { return std::cos(x); }},
    {UnaryKind::kTan, [](double x) { return std::tan(x); }},
    {UnaryKind::kAsin, [](double x) { return std::asin(x); }},
    {UnaryKind::kAcos, [](double x) { return std::acos(x); }},
    {UnaryKind::kAtan, [](double x) { return std::atan(x); }},
    {UnaryKind::kSinh, [](double x) { return std::sinh(x); }},
    {UnaryKind::kCosh, [](double x) { return std::cosh(x); }},
    {UnaryKind::kTanh, [](double x) { return std::tanh(x); }},
    {UnaryKind::kAsinh, [](double x) { return std::asinh(x); }},
    {UnaryKind::kAcosh, [](double x) { return std::acosh(x); }},
    {UnaryKind::kAtanh, [](double x) { return std::atanh(x); }},
    {UnaryKind::kRelu, [](double x) { return std::isnan(x) ? x : std::fmax(x, 0); }},
    {UnaryKind::kSigmoid, sigmoid},
    {UnaryKind::kSoftplus, softplus},
    {UnaryKind::kSoftsign, [](double x) { return x / (1 + std::fabs(x)); }},
    {UnaryKind::kHardSwish, [](double x) { return x * std::fmin(std::fmax(x / 6 + 0.5, std::isnan(x) ? x : 0), 1); }},
    {UnaryKind::kLeakyRelu, [](double x) { return x < 0 ? 0.125 * x : x; }, 0.125f},
    {UnaryKind::kElu, [](double x) { return x < 0 ? 2 * std::expm1(x) : x; }, 2.0f},
    {UnaryKind::kSelu, [](double x) { return 1.5 * (x < 0 ? 2 * std::expm1(x) : x); }, 2.0f, 1.5f},
    {UnaryKind::kCelu, [](double x) { return x < 0 ? 2 * std::expm1(x / 2) : x; }, 2.0f},
    {UnaryKind::kHardSigmoid, [](double x) { return std::isnan(x) ? x : std::fmin(std::fmax(0.25 * x + 0.5, 0), 1); },
     0.25f, 0.5f},
    {UnaryKind::kThresholdedRelu, [](double x) { return x > 0.5 || std::isnan(x) ? x : 0; }, 0.5f},
    {UnaryKind::kGelu, [](double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2.0))); }},
    {UnaryKind::kGelu,
     [](double x) { return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }, 1.0f},
    {UnaryKind::kMish, [](double x) { return x * std::tanh(softplus(x)); }},
    {UnaryKind::kShrink, [](double x) { return x < -0.5  ? x + 0.25
                                               : x > 0.5 ? x - 0.25
                                                         : 0; }, 0.5f, 0.25f},
    {UnaryKind::kSwish, [](double x) { return x * sigmoid(2 * x); }, 2.0f},
    {UnaryKind::kSwish, [](double x) { return x * sigmoid(x); }, 1.0f},
};

// A few units in the last place of T, or this close to 0.
template <typename T>
void expect_close(T got_value, double want, const std::string& what) {
  const double got = static_cast<double>(got_value);
  const double epsilon = std::is_same_v<T, double> ? 4e-15 : std::is_same_v<T, float> ? 1e-6 : 1e-3;
  const double tiny = std::is_same_v<T, double> ? 1e-15 : std::is_same_v<T, float> ? 5e-7 : 1e-4;
  const double most = static_cast<double>(static_cast<Arithmetic<T>>(std::numeric_limits<T>::max()));
  if (std::isnan(want)) {
    EXPECT_TRUE(std::isnan(got)) << what << " got " << got;
  } else if (std::isinf(want) || std::fabs(want) > most) {
    EXPECT_TRUE(std::isinf(got) || std::fabs(got) == most) << what << " got " << got;
    EXPECT_EQ(std::signbit(got), std::signbit(want)) << what;
  } else {
    EXPECT_NEAR(got, want, std::fabs(want) * epsilon + tiny) << what;
  }
}

template <typename T>
void unary_follows_formulas() {
  std::vector<double> x = {0.0, -0.0, 0.5, -0.5, 1.5, 2.5, -2.5, 1.0, -1.0, 7.25, -7.25, kInfinity, -kInfinity, kNaN};
  x.push_back(std::is_same_v<T, double> ? 5e-324 : std::is_same_v<T, float> ? 1e-45 : 6e-8);
  RandomCase random(7);
  for (float value : random.floats(40, -9, 9)) x.push_back(value);
  std::vector<T> values;
  for (double value : x) values.push_back(static_cast<T>(value));
  const Dims dims = {static_cast<int64_t>(values.size()), 1};
  for (const UnaryFormula& formula : kUnary) {
    const OpPtr op = make_unary(formula.kind, formula.a, formula.b);
    const auto got = typed_ok(op, {typed<T, T>(dims, values)})[0];
    EXPECT_EQ(got.dims, dims);
    ASSERT_EQ(got.type, kDataTypeOf<T>);
    for (size_t i = 0; i < values.size(); ++i) {
      const double input = static_cast<double>(values[i]);
      if (std::isinf(input) && std::isnan(formula.want(input))) continue;  // limits of 0 * infinity: either is right
      expect_close(got.template values<T>()[i], formula.want(input),
                   std::string(op->op_type()) + "(" + std::to_string(input) + ")");
    }
    EXPECT_EQ(typed_ok(op, {typed<T, T>({2, 0}, {})})[0].dims, (Dims{2, 0}));
  }
}
TEST(UnaryTypesTest, Float32) { unary_follows_formulas<float>(); }
TEST(UnaryTypesTest, Float64) { unary_follows_formulas<double>(); }
TEST(UnaryTypesTest, Float16) { unary_follows_formulas<Float16>(); }

template <typename T>
void integers_keep_their_ends() {
  const std::vector<T> x = {0, 1, 5, std::numeric_limits<T>::max(), std::numeric_limits<T>::lowest()};
  const auto run = [&](UnaryKind kind) {
    return typed_ok(make_unary(kind), {typed<T, T>({static_cast<int64_t>(x.size())}, x)})[0].template values<T>();
  };
  for (size_t i = 0; i < x.size(); ++i) {
    const auto wrapped = static_cast<T>(uint64_t{0} - static_cast<uint64_t>(x[i]));
    EXPECT_EQ(run(UnaryKind::kNeg)[i], wrapped);
    EXPECT_EQ(run(UnaryKind::kAbs)[i], x[i] < 0 ? wrapped : x[i]);
    EXPECT_EQ(run(UnaryKind::kSign)[i], static_cast<T>(x[i] < 0 ? -1 : x[i] > 0));
    EXPECT_EQ(run(UnaryKind::kRelu)[i], x[i] < 0 ? T{0} : x[i]);
    EXPECT_EQ(run(UnaryKind::kBitwiseNot)[i], static_cast<T>(~x[i]));
  }
}
TEST(UnaryTypesTest, EveryInteger) {
  integers_keep_their_ends<int8_t>();
  integers_keep_their_ends<int16_t>();
  integers_keep_their_ends<int32_t>();
  integers_keep_their_ends<int64_t>();
  integers_keep_their_ends<uint8_t>();
  integers_keep_their_ends<uint16_t>();
  integers_keep_their_ends<uint32_t>();
  integers_keep_their_ends<uint64_t>();
  typed_error(make_unary(UnaryKind::kExp), {i64({1}, {1})}, ErrorCode::kOpUnsupported, "int64");
  typed_error(make_unary(UnaryKind::kNot), {f32({1}, {1})}, ErrorCode::kOpUnsupported, "float32");
}

TEST(UnaryTypesTest, QuestionsAnswerInBool) {
  const std::vector<float> x = {1, INFINITY, -INFINITY, NAN};
  using Bytes = std::vector<uint8_t>;
  EXPECT_EQ(typed_ok(make_unary(UnaryKind::kIsNaN), {f32({4}, x)})[0].bytes, (Bytes{0, 0, 0, 1}));
  EXPECT_EQ(typed_ok(make_unary(UnaryKind::kIsInf, 1, 1), {typed<double, float>({4}, x)})[0].bytes,
            (Bytes{0, 1, 1, 0}));
  EXPECT_EQ(typed_ok(make_unary(UnaryKind::kIsInf, 1, 0), {typed<Float16, float>({4}, x)})[0].bytes,
            (Bytes{0, 0, 1, 0}));
  EXPECT_EQ(typed_ok(make_unary(UnaryKind::kIsInf, 0, 1), {f32({4}, x)})[0].bytes, (Bytes{0, 1, 0, 0}));
  EXPECT_EQ(typed_ok(make_unary(UnaryKind::kNot), {boolean({3}, {0, 1, 200})})[0].bytes, (Bytes{1, 0, 0}));
}

// --- two operands

// Runs kind on random operands that broadcast, some of them empty, and compares with want(a, b) element by element.
template <typename T, typename R, typename Want>
void binary_follows(BinaryKind kind, const std::vector<T>& pool, Want want) {
  for (uint32_t seed = 0; seed < 12; ++seed) {
    RandomCase random(seed);
    const auto rank = static_cast<size_t>(random.between(0, 4));
    const Dims out = random.dims(rank, 4);
    const auto operand_dims = [&] {
      Dims dims = out;
      for (int64_t& dim : dims) dim = random.between(0, 2) == 0 ? 1 : dim;
      dims.erase(dims.begin(), dims.begin() + random.between(0, static_cast<int64_t>(rank)) / 2);
      return dims;
    };
    const Dims a_dims = kind == BinaryKind::kPRelu ? out : operand_dims(), b_dims = operand_dims();
    const auto pick = [&](const Dims& dims) {
      std::vector<T> values(static_cast<size_t>(element_count(dims)));
      for (T& value : values) {
        value = pool[static_cast<size_t>(random.between(0, static_cast<int64_t>(pool.size()) - 1))];
      }
      return values;
    };
    const std::vector<T> a = pick(a_dims), b = pick(b_dims);
    const auto result = run_typed(make_binary(kind), {typed<T, T>(a_dims, a), typed<T, T>(b_dims, b)});
    ASSERT_TRUE(result.ok()) << make_binary(kind)->op_type() << ": " << result.error().message;
    const TestTensor& got = (*result)[0];
    EXPECT_EQ(got.type, kDataTypeOf<R>);
    for_each_index(got.dims, [&](const Dims& at) {
      const T left = a[broadcast_index(a_dims, at)], right = b[broadcast_index(b_dims, at)];
      want(left, right, got.values<R>()[flat_index(got.dims, at)]);
    });
  }
}

template <typename T>
void float_arithmetic() {
  std::vector<T> pool;
  for (double value : {0.0, -0.0, 1.0, -1.0, 2.0, 3.0, -2.5, 0.1, 1e3, kInfinity, -kInfinity, kNaN}) {
    pool.push_back(static_cast<T>(value));
  }
  const auto follows = [&](BinaryKind kind, double (*formula)(double, double)) {
    binary_follows<T, T>(kind, pool, [&](T a, T b, T y) {
      const double left = static_cast<double>(a), right = static_cast<double>(b);
      expect_close(y, formula(left, right),
                   std::to_string(left) + " " + make_binary(kind)->op_type() + " " + std::to_string(right));
    });
  };
  follows(BinaryKind::kAdd, [](double a, double b) { return a + b; });
  follows(BinaryKind::kSub, [](double a, double b) { return a - b; });
  follows(BinaryKind::kMul, [](double a, double b) { return a * b; });
  follows(BinaryKind::kDiv, [](double a, double b) { return a / b; });
  follows(BinaryKind::kPow, [](double a, double b) { return std::pow(a, b); });
  follows(BinaryKind::kFmod, [](double a, double b) { return std::fmod(a, b); });
  follows(BinaryKind::kPRelu, [](double a, double b) { return a < 0 ? a * b : a; });
  follows(BinaryKind::kMin, [](double a, double b) { return std::isnan(a) || std::isnan(b) ? kNaN : std::fmin(a, b); });
  follows(BinaryKind::kMax, [](double a, double b) { return std::isnan(a) || std::isnan(b) ? kNaN : std::fmax(a, b); });
}

template <typename T>
void comparisons(const std::vector<T>& pool) {
  const auto follows = [&](BinaryKind kind, auto formula) {
    binary_follows<T, BoolByte>(kind, pool, [&](T a, T b, BoolByte y) { EXPECT_EQ(y.byte, formula(a, b) ? 1 : 0); });
  };
  follows(BinaryKind::kEqual, [](T a, T b) { return a == b; });
  follows(BinaryKind::kLess, [](T a, T b) { return a < b; });
  follows(BinaryKind::kLessOrEqual, [](T a, T b) { return a <= b; });
  follows(BinaryKind::kGreater, [](T a, T b) { return a > b; });
  follows(BinaryKind::kGreaterOrEqual, [](T a, T b) { return a >= b; });
}

TEST(BinaryTypesTest, FloatsFollowTheFormulas) {
  float_arithmetic<float>();
  float_arithmetic<double>();
  float_arithmetic<Float16>();
  comparisons<float>({0.0f, -0.0f, 1.0f, -1.0f, INFINITY, -INFINITY, NAN});
  comparisons<double>({0.0, -0.0, 1.0, 1e300, kInfinity, kNaN});
  comparisons<Float16>({Float16(0.0f), Float16(1.0f), Float16(-INFINITY), Float16(NAN)});
}

template <typename T>
void integer_arithmetic() {
  using Wide = __int128;
  using Bits = unsigned __int128;
  const std::vector<T> pool = {
      0, 1, 2, 3, 7, static_cast<T>(-1), std::numeric_limits<T>::max(), std::numeric_limits<T>::lowest()};
  const auto follows = [&](BinaryKind kind, Wide (*formula)(Wide, Wide)) {
    binary_follows<T, T>(kind, pool, [&](T a, T b, T y) { EXPECT_EQ(y, static_cast<T>(formula(a, b))); });
  };
  follows(BinaryKind::kAdd, [](Wide a, Wide b) { return a + b; });
  follows(BinaryKind::kSub, [](Wide a, Wide b) { return a - b; });
  // The product of two uint64_t is beyond a signed 128 bits; only its low bits count.
  follows(BinaryKind::kMul,
          [](Wide a, Wide b) { return static_cast<Wide>(static_cast<Bits>(a) * static_cast<Bits>(b)); });
  follows(BinaryKind::kMin, [](Wide a, Wide b) { return a < b ? a : b; });
  follows(BinaryKind::kMax, [](Wide a, Wide b) { return a > b ? a : b; });
  follows(BinaryKind::kBitwiseAnd, [](Wide a, Wide b) { return a & b; });
  follows(BinaryKind::kBitwiseOr, [](Wide a, Wide b) { return a | b; });
  follows(BinaryKind::kBitwiseXor, [](Wide a, Wide b) { return a ^ b; });
  // BitShift-28: by a negative number as by one that is too large.
  follows(BinaryKind::kBitShiftLeft, [](Wide a, Wide b) { return b >= 0 && b < 64 ? a << b : 0; });
  follows(BinaryKind::kBitShiftRight, [](Wide a, Wide b) { return a >> (b >= 0 && b < 64 ? b : 64); });
  comparisons<T>(pool);

  for (T a : pool) {
    for (T b : {T{1}, T{3}, static_cast<T>(-1), static_cast<T>(-2), std::numeric_limits<T>::lowest()}) {
      const auto divide = [&](BinaryKind kind) {
        return typed_ok(make_binary(kind), {scalar_of(a), scalar_of(b)})[0].template values<T>()[0];
      };
      if (b == 0) continue;
      const Wide quotient = Wide{a} / Wide{b}, rest = Wide{a} % Wide{b};
      EXPECT_EQ(divide(BinaryKind::kDiv), static_cast<T>(quotient));
      EXPECT_EQ(divide(BinaryKind::kFmod), static_cast<T>(rest));
      EXPECT_EQ(divide(BinaryKind::kMod), static_cast<T>(rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest));
    }
  }
  typed_error(make_binary(BinaryKind::kDiv), {scalar_of(T{1}), scalar_of(T{0})}, ErrorCode::kInputInvalid, "zero");
}

TEST(BinaryTypesTest, IntegersWrapAndKeepTheirEnds) {
  integer_arithmetic<int8_t>();
  integer_arithmetic<int16_t>();
  integer_arithmetic<int32_t>();
  integer_arithmetic<int64_t>();
  integer_arithmetic<uint8_t>();
  integer_arithmetic<uint16_t>();
  integer_arithmetic<uint32_t>();
  integer_arithmetic<uint64_t>();
}

TEST(BinaryTypesTest, BoolReadsAnyByte) {
  const TestTensor a = boolean({4}, {0, 0, 2, 1}), b = boolean({4}, {0, 9, 0, 4});
  using Bytes = std::vector<uint8_t>;
  EXPECT_EQ(typed_ok(make_binary(BinaryKind::kAnd), {a, b})[0].bytes, (Bytes{0, 0, 0, 1}));
  EXPECT_EQ(typed_ok(make_binary(BinaryKind::kOr), {a, b})[0].bytes, (Bytes{0, 1, 1, 1}));
  EXPECT_EQ(typed_ok(make_binary(BinaryKind::kXor), {a, b})[0].bytes, (Bytes{0, 1, 1, 0}));
  EXPECT_EQ(typed_ok(make_binary(BinaryKind::kEqual), {a, b})[0].bytes, (Bytes{1, 0, 0, 1}));
  typed_error(make_binary(BinaryKind::kAdd), {a, b}, ErrorCode::kOpUnsupported, "bool");
  typed_error(make_binary(BinaryKind::kAdd), {f32({1}, {1}), i64({1}, {1})}, ErrorCode::kShapeMismatch, "types");
  typed_error(make_binary(BinaryKind::kAdd), {f32({2}, {1, 2}), f32({3}, {1, 2, 3})}, ErrorCode::kShapeMismatch,
              "broadcast");
}

TEST(BinaryTypesTest, PowTakesTwoTypes) {
  const auto power = [](const TestTensor& base, const TestTensor& exponent) {
    return typed_ok(make_binary(BinaryKind::kPow), {base, exponent})[0];
  };
  EXPECT_EQ(power(f32({3}, {1, 2, 3}), i64({3}, {4, 5, 6})).floats(), (std::vector<float>{1, 32, 729}));
  EXPECT_EQ(power(i64({3}, {1, 2, 3}), f32({3}, {4, 5, 6})).values<int64_t>(), (std::vector<int64_t>{1, 32, 729}));
  EXPECT_EQ(power(i64({4}, {2, -1, 1, -1}), i64({4}, {-1, -3, -7, 1000})).values<int64_t>(),
            (std::vector<int64_t>{0, -1, 1, 1}));
  EXPECT_EQ(power(typed<int32_t, int>({1}, {3}), typed<uint8_t, int>({1}, {20})).values<int32_t>()[0],
            static_cast<int32_t>(3486784401u));
  EXPECT_EQ(power(f32({1}, {-1}), i64({1}, {(int64_t{1} << 40) + 1})).floats()[0], -1);
  EXPECT_EQ(power(typed<double, double>({1}, {2}), typed<Float16, float>({1}, {0.5f})).values<double>()[0],
            std::sqrt(2.0));
  EXPECT_EQ(power(i64({1}, {10}), scalar_of(30.0f)).values<int64_t>()[0], INT64_MAX);
}

TEST(ClipTypesTest, EveryNumberTypeIsBounded) {
  EXPECT_EQ(
      typed_ok(make_clip(), {typed<uint16_t, int>({3}, {1, 300, 9}), scalar_of(uint16_t{2}), scalar_of(uint16_t{9})})[0]
          .values<uint16_t>(),
      (std::vector<uint16_t>{2, 9, 9}));
  const auto doubles =
      typed_ok(make_clip(), {typed<double, double>({4}, {-kInfinity, 5, kNaN, 1e300}), omitted(), scalar_of(7.0)})[0]
          .values<double>();
  EXPECT_EQ(doubles[0], std::numeric_limits<double>::lowest()) << "the standard's default bound";
  EXPECT_EQ(doubles[1], 5);
  EXPECT_TRUE(std::isnan(doubles[2]));
  EXPECT_EQ(doubles[3], 7);
  EXPECT_EQ(
      typed_ok(make_clip(), {typed<Float16, float>({2}, {-3, 3}), scalar_of(Float16(-1.0f))})[0].values<Float16>()[0],
      -1.0f);
  EXPECT_EQ(
      typed_ok(make_clip(), {i64({2}, {5, 1}), scalar_of(int64_t{4}), scalar_of(int64_t{2})})[0].values<int64_t>(),
      (std::vector<int64_t>{2, 2}))
      << "max wins";
}

}  // namespace
}  // namespace sealedge::testing
