// Cast, reductions, ArgMax, Softmax and losses on every element type, against their definitions.
#include <algorithm>
#include <cmath>

#include "graph/ops.h"
#include "graph/ops/reduction/losses.h"
#include "typed_ops.h"

namespace sealedge::testing {
namespace {

size_t count_of(const Dims& dims) { return static_cast<size_t>(element_count(dims)); }

double reduced(ReduceKind kind, const std::vector<double>& x) {
  const auto fold = [&](double start, auto f) {
    for (double value : x) start = f(start, value);
    return start;
  };
  const double sum = fold(0, [](double s, double v) { return s + v; });
  const double squares = fold(0, [](double s, double v) { return s + v * v; });
  switch (kind) {
    case ReduceKind::kSum:
      return sum;
    case ReduceKind::kMean:
      return sum / static_cast<double>(x.size());
    case ReduceKind::kMax:
      return fold(-INFINITY, [](double s, double v) { return std::max(s, v); });
    case ReduceKind::kMin:
      return fold(INFINITY, [](double s, double v) { return std::min(s, v); });
    case ReduceKind::kProd:
      return fold(1, [](double s, double v) { return s * v; });
    case ReduceKind::kL1:
      return fold(0, [](double s, double v) { return s + std::fabs(v); });
    case ReduceKind::kL2:
      return std::sqrt(squares);
    case ReduceKind::kLogSum:
      return std::log(sum);
    case ReduceKind::kLogSumExp:
      return std::log(fold(0, [](double s, double v) { return s + std::exp(v); }));
    case ReduceKind::kSumSquare:
      return squares;
  }
  return 0;
}

template <typename T>
void reduces(int64_t low, int64_t high, double tolerance) {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    RandomCase random(seed);
    const auto kind = static_cast<ReduceKind>(seed % 10);
    const auto rank = static_cast<size_t>(random.between(1, 5));
    const Dims dims = random.dims(rank, 3, false);
    std::vector<int64_t> axes;
    Dims out, others;
    std::vector<bool> gone(rank);
    for (size_t d = 0; d < rank; ++d) {
      gone[d] = random.between(0, 1) == 1 || d + 1 == rank;
      if (gone[d]) axes.push_back(static_cast<int64_t>(d) - (seed % 2 == 0 ? 0 : static_cast<int64_t>(rank)));
      (gone[d] ? others : out).push_back(dims[d]);
    }
    const std::vector<int64_t> x = random.ints(count_of(dims), low, high);
    const auto got = typed_ok(make_reduce(kind, false, false),
                              {typed<T, int64_t>(dims, x), i64({static_cast<int64_t>(axes.size())}, axes)})[0];
    ASSERT_EQ(got.dims, out);
    for_each_index(out, [&](const Dims& kept) {
      std::vector<double> lane;
      for_each_index(others, [&](const Dims& inside) {
        Dims at;
        for (size_t d = 0, k = 0, i = 0; d < rank; ++d) at.push_back(gone[d] ? inside[i++] : kept[k++]);
        lane.push_back(static_cast<double>(x[flat_index(dims, at)]));
      });
      const auto value = static_cast<double>(got.template values<T>()[flat_index(out, kept)]);
      double want = reduced(kind, lane);
      if constexpr (std::is_integral_v<T>) want = std::trunc(want);
      EXPECT_NEAR(value, want, std::fabs(want) * tolerance + tolerance) << static_cast<int>(kind) << " seed " << seed;
    });
  }
}

TEST(ReduceTypesTest, FollowsTheDefinitionOnEveryType) {
  reduces<float>(1, 4, 1e-5);
  reduces<double>(1, 4, 1e-12);
  reduces<Float16>(1, 2, 2e-3);
  reduces<int32_t>(1, 4, 0);
  reduces<int64_t>(1, 4, 0);
  reduces<uint32_t>(1, 4, 0);
  reduces<uint64_t>(1, 4, 0);
  reduces<int16_t>(1, 2, 0);
}

TEST(ReduceTypesTest, EndsOfTypesAndNaN) {
  const TestTensor axes = i64({1}, {0});
  const auto reduce = [&](ReduceKind kind, const TestTensor& x) {
    return typed_ok(make_reduce(kind, false, false), {x, axes})[0];
  };
  EXPECT_EQ(reduce(ReduceKind::kMax, boolean({3}, {0, 8, 0})).bytes, (std::vector<uint8_t>{1}));
  EXPECT_EQ(reduce(ReduceKind::kMin, boolean({3}, {1, 8, 0})).bytes, (std::vector<uint8_t>{0}));
  EXPECT_TRUE(std::isnan(reduce(ReduceKind::kMax, typed<double, double>({3}, {1, NAN, 2})).values<double>()[0]));
  EXPECT_TRUE(std::isnan(reduce(ReduceKind::kMin, f32({3}, {1, NAN, 2})).floats()[0]));
  EXPECT_EQ(reduce(ReduceKind::kMax, typed<double, double>({0}, {})).values<double>()[0], -INFINITY);
  EXPECT_EQ(reduce(ReduceKind::kMin, i64({0}, {})).values<int64_t>()[0], INT64_MAX);
  EXPECT_EQ(reduce(ReduceKind::kL1, typed<int8_t, int>({1}, {-128})).values<int8_t>()[0], -128);
  EXPECT_EQ(reduce(ReduceKind::kMean, i64({2}, {-1, -2})).values<int64_t>()[0], -1) << "cut towards zero";
  EXPECT_EQ(reduce(ReduceKind::kLogSumExp, typed<double, double>({2}, {-INFINITY, -INFINITY})).values<double>()[0],
            -INFINITY);
  EXPECT_NEAR(reduce(ReduceKind::kLogSumExp, typed<double, double>({2}, {1000, 1000})).values<double>()[0],
              1000 + std::log(2.0), 1e-9);
  // More than eight dimensions, as long as they join.
  EXPECT_EQ(typed_ok(make_reduce(ReduceKind::kSum, false, false), {f32(Dims(12, 1), {5}), i64({2}, {0, 1})})[0].dims,
            Dims(10, 1));
}

TEST(ArgTypesTest, TakesEveryTypeAndFindsNaN) {
  const auto arg = [](ArgKind kind, bool last, const TestTensor& x) {
    return typed_ok(make_arg_reduce(kind, 0, false, last), {x})[0].values<int64_t>()[0];
  };
  EXPECT_EQ(arg(ArgKind::kMax, false, typed<uint8_t, int>({4}, {1, 200, 200, 0})), 1);
  EXPECT_EQ(arg(ArgKind::kMax, true, typed<uint8_t, int>({4}, {1, 200, 200, 0})), 2);
  EXPECT_EQ(arg(ArgKind::kMin, false, typed<Float16, float>({3}, {1, -2, 0})), 1);
  EXPECT_EQ(arg(ArgKind::kMax, false, typed<double, double>({4}, {1, NAN, 5, NAN})), 1);
  EXPECT_EQ(arg(ArgKind::kMin, true, f32({4}, {1, NAN, -5, NAN})), 3);
}

TEST(SoftmaxTypesTest, MatchesFloat32) {
  const std::vector<float> x = RandomCase(4).floats(24);
  for (bool log : {false, true}) {
    for (int64_t axis : {0, 1, -1}) {
      const std::vector<float> want = typed_ok(make_softmax(axis, log, false), {f32({2, 3, 4}, x)})[0].floats();
      const auto doubles = typed_ok(make_softmax(axis, log, false), {typed<double, float>({2, 3, 4}, x)})[0];
      const auto halves = typed_ok(make_softmax(axis, log, false), {typed<Float16, float>({2, 3, 4}, x)})[0];
      for (size_t i = 0; i < want.size(); ++i) {
        EXPECT_NEAR(doubles.values<double>()[i], want[i], 1e-6);
        EXPECT_NEAR(halves.values<Float16>()[i], want[i], 1e-2);
      }
    }
  }
}

TEST(CastTypesTest, EveryPair) {
  const auto cast = [](const TestTensor& x, DataType to) { return typed_ok(make_cast(to), {x})[0]; };
  EXPECT_EQ(cast(f32({3}, {1.5f, -2.5f, 65520.0f}), DataType::kFloat16).values<uint16_t>(),
            (std::vector<uint16_t>{0x3e00, 0xc100, 0x7c00}));
  EXPECT_EQ(cast(typed<Float16, float>({2}, {1.5f, -300.0f}), DataType::kInt8).values<int8_t>(),
            (std::vector<int8_t>{1, -128}));
  EXPECT_EQ(cast(typed<double, double>({1}, {1.00048828125 + 1e-12}), DataType::kFloat16).values<uint16_t>()[0], 0x3c01)
      << "one rounding";
  EXPECT_EQ(cast(f32({4}, {0, -0.0f, NAN, 0.1f}), DataType::kBool).bytes, (std::vector<uint8_t>{0, 0, 1, 1}));
  EXPECT_EQ(cast(boolean({3}, {0, 1, 77}), DataType::kFloat16).values<uint16_t>(),
            (std::vector<uint16_t>{0, 0x3c00, 0x3c00}));
  EXPECT_EQ(cast(i64({2}, {-1, 256 + 7}), DataType::kUint8).values<uint8_t>(), (std::vector<uint8_t>{255, 7}));
  EXPECT_EQ(cast(f32({3}, {NAN, 1e30f, -1e30f}), DataType::kInt64).values<int64_t>(),
            (std::vector<int64_t>{0, INT64_MAX, INT64_MIN}));
  EXPECT_EQ(typed_ok(make_cast_like(), {f32({1}, {2.9f}), boolean({0}, {})})[0].bytes, (std::vector<uint8_t>{1}));
  EXPECT_EQ(typed_ok(make_cast_like(), {i64({1}, {5}), i64({2}, {0, 0})})[0].values<int64_t>()[0], 5);
  typed_error(make_cast(DataType::kBfloat16), {f32({1}, {1})}, ErrorCode::kOpUnsupported, "bfloat16");
}

TEST(LossTest, FollowsTheStandardsFormula) {
  for (uint32_t seed = 0; seed < 40; ++seed) {
    RandomCase random(seed);
    const bool from_scores = seed % 2 == 0, weighted = random.between(0, 1) == 1;
    const auto reduction = static_cast<LossReduction>(seed % 3);
    Dims dims = {random.between(1, 3), random.between(1, 4)};
    for (int64_t d = random.between(0, 2); d > 0; --d) dims.push_back(random.between(1, 3));
    Dims target_dims = dims;
    target_dims.erase(target_dims.begin() + 1);
    const int64_t ignored = random.between(-1, dims[1] - 1);
    const std::vector<float> x = random.floats(count_of(dims)),
                             weight = random.floats(static_cast<size_t>(dims[1]), 0.5f, 2);
    std::vector<int64_t> target = random.ints(count_of(target_dims), 0, dims[1] - 1);
    const auto got =
        typed_ok(make_nll_loss(from_scores, reduction, ignored),
                 {f32(dims, x), i64(target_dims, target), weighted ? f32({dims[1]}, weight) : omitted()}, 2);
    std::vector<double> losses;
    double loss_sum = 0, weight_sum = 0;
    for_each_index(target_dims, [&](const Dims& at) {
      Dims place = at;
      place.insert(place.begin() + 1, 0);
      const auto log_p = [&](int64_t c) {
        place[1] = c;
        const double value = x[flat_index(dims, place)];
        if (!from_scores) return value;
        double sum = 0;
        for (place[1] = 0; place[1] < dims[1]; ++place[1])
          sum += std::exp(static_cast<double>(x[flat_index(dims, place)]));
        return value - std::log(sum);
      };
      for (int64_t c = 0; c < dims[1]; ++c) {
        const double want = log_p(c);
        place[1] = c;
        EXPECT_NEAR(got[1].floats()[flat_index(dims, place)], want, 1e-5);
      }
      const int64_t t = target[flat_index(target_dims, at)];
      const double w = t == ignored ? 0 : weighted ? weight[static_cast<size_t>(t)] : 1;
      losses.push_back(t == ignored ? 0 : -w * log_p(t));
      loss_sum += losses.back();
      weight_sum += w;
    });
    const std::vector<float> loss = got[0].floats();
    if (reduction == LossReduction::kNone) {
      for (size_t i = 0; i < losses.size(); ++i) EXPECT_NEAR(loss[i], losses[i], 1e-5);
    } else if (reduction == LossReduction::kSum) {
      EXPECT_NEAR(loss[0], loss_sum, 1e-4);
    } else if (weight_sum == 0) {
      EXPECT_TRUE(std::isnan(loss[0]));
    } else {
      EXPECT_NEAR(loss[0], loss_sum / weight_sum, 1e-5);
    }
  }
  typed_error(make_nll_loss(false, LossReduction::kMean, std::nullopt), {f32({1, 2}, {0, 0}), i64({1}, {2})},
              ErrorCode::kInputInvalid, "out of range");
  typed_error(make_nll_loss(false, LossReduction::kMean, std::nullopt), {f32({1, 2}, {0, 0}), i64({2}, {0, 0})},
              ErrorCode::kShapeMismatch, "target");
}

}  // namespace
}  // namespace sealedge::testing
