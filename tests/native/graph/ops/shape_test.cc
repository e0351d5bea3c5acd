// Operators that answer about a shape or make a tensor of one, and those that the importer puts in for older forms.
#include <algorithm>
#include <cmath>

#include "graph/ops/legacy_forms.h"
#include "typed_ops.h"

namespace sealedge::testing {
namespace {

// Shape-15: dims[start:end], as Python slices.
TEST(ShapeTest, SlicesTheDims) {
  RandomCase random(1);
  for (int run = 0; run < 100; ++run) {
    const Dims dims = random.dims(static_cast<size_t>(random.between(0, 5)));
    const auto rank = static_cast<int64_t>(dims.size());
    const TestTensor x = typed<int8_t>(dims, std::vector<int8_t>(static_cast<size_t>(element_count(dims)), 1));
    const int64_t start = random.between(-7, 7);
    const std::optional<int64_t> end = random.between(0, 2) == 0 ? std::nullopt : std::optional(random.between(-7, 7));
    const auto clamped = [&](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank); };
    std::vector<int64_t> want;
    for (int64_t i = clamped(start); i < clamped(end.value_or(rank)); ++i) want.push_back(dims[static_cast<size_t>(i)]);
    const TestTensor got = typed_ok(make_shape(start, end), {x})[0];
    EXPECT_EQ(got.dims, (Dims{static_cast<int64_t>(want.size())}));
    EXPECT_EQ(got.values<int64_t>(), want) << dims_to_string(dims) << " from " << start;
    EXPECT_EQ(typed_ok(make_size(), {x})[0].values<int64_t>(), std::vector<int64_t>{element_count(dims)});
  }
}

TEST(ShapeTest, ConstantOfShapeRepeatsOneElement) {
  RandomCase random(2);
  const auto check = [&]<typename T>(T value) {
    const Dims dims = random.dims(static_cast<size_t>(random.between(0, 4)));
    std::vector<uint8_t> bytes(sizeof value);
    std::memcpy(bytes.data(), &value, sizeof value);
    const OpPtr op = make_constant_of_shape({kDataTypeOf<T>, {1}}, bytes);
    const TestTensor got = typed_ok(op, {i64({static_cast<int64_t>(dims.size())}, dims)})[0];
    EXPECT_EQ(got.dims, dims);
    EXPECT_EQ(got.type, kDataTypeOf<T>);
    for (size_t i = 0; i < got.bytes.size(); ++i) EXPECT_EQ(got.bytes[i], bytes[i % sizeof value]);
  };
  for (int run = 0; run < 20; ++run) {
    check(std::nanf("7"));
    check(-0.0);
    check(Float16(-1.5f));
    check(int64_t{INT64_MIN});
    check(uint16_t{65535});
    check(int8_t{-7});
    check(BoolByte(true));
  }
  typed_error(make_constant_of_shape({DataType::kFloat32, {1}}, std::vector<uint8_t>(4)), {i64({2}, {3, -1})},
              ErrorCode::kLimitExceeded, "negative");
}

TEST(ShapeTest, SwapLastTwoTransposesMatrices) {
  RandomCase random(3);
  for (size_t rank = 0; rank < 5; ++rank) {
    const Dims dims = random.dims(rank);
    std::vector<int64_t> perm(rank);
    for (size_t i = 0; i < rank; ++i) perm[i] = static_cast<int64_t>(i);
    if (rank >= 2) std::swap(perm[rank - 1], perm[rank - 2]);
    const TestTensor x = typed<int32_t, int64_t>(dims, random.ints(static_cast<size_t>(element_count(dims)), -9, 9));
    const TestTensor got = typed_ok(make_swap_last_two(), {x})[0];
    const TestTensor want = rank < 2 ? x : typed_ok(make_transpose(perm), {x})[0];
    EXPECT_EQ(got.dims, want.dims);
    EXPECT_EQ(got.bytes, want.bytes);
  }
}

TEST(LegacyFormsTest, ScalarOfAnyType) {
  const auto made = []<typename T>(double value, T) {
    const TestTensor got = typed_ok(make_scalar_like(value), {typed<T>({0, 2}, {})})[0];
    T element;
    std::memcpy(&element, got.bytes.data(), sizeof element);
    return static_cast<double>(element);
  };
  EXPECT_EQ(made(-2.75, float{}), -2.75);
  EXPECT_EQ(made(1e300, double{}), 1e300);
  EXPECT_EQ(made(0.5, Float16{}), 0.5);
  EXPECT_EQ(made(-2.75, int32_t{}), -2);
  EXPECT_EQ(made(-1, uint8_t{}), 0);
  EXPECT_EQ(made(300, int8_t{}), 127);
  EXPECT_EQ(made(std::nan(""), int64_t{}), 0);
  EXPECT_EQ(made(1e30, uint64_t{}), 18446744073709551615.0);
}

// Opset < 7: dims of b meet those of a from `axis` on; ones are appended until numpy's rule does the same.
TEST(LegacyFormsTest, BroadcastFromAnAxis) {
  const TestTensor a = noise({2, 3, 4, 5}), b = noise({3, 4}, 2);
  EXPECT_EQ(typed_ok(make_broadcast_axis(1), {b, a})[0].dims, (Dims{3, 4, 1}));
  EXPECT_EQ(typed_ok(make_broadcast_axis(-3), {b, a})[0].dims, (Dims{3, 4, 1}));
  EXPECT_EQ(typed_ok(make_broadcast_axis(1), {b, a})[0].bytes, b.bytes);
  EXPECT_EQ(typed_ok(make_broadcast_axis(2), {noise({4, 5}), a})[0].dims, (Dims{4, 5}));
  EXPECT_FALSE(run_typed(make_broadcast_axis(4), {b, a}).ok());
  EXPECT_EQ(typed_ok(make_channel_slope(), {noise({3}), a})[0].dims, (Dims{3, 1, 1}));
  EXPECT_EQ(typed_ok(make_channel_slope(), {noise({3}), noise({2, 3})})[0].dims, (Dims{3}));
  EXPECT_EQ(typed_ok(make_channel_slope(), {noise({3, 1, 1}), a})[0].dims, (Dims{3, 1, 1}));
}

TEST(LegacyFormsTest, DropoutKeepsEverything) {
  RandomCase random(4);
  for (int run = 0; run < 20; ++run) {
    const Dims dims = random.dims(static_cast<size_t>(random.between(0, 4)));
    const TestTensor x = f32(dims, random.floats(static_cast<size_t>(element_count(dims))));
    const auto got = typed_ok(make_dropout(DataType::kBool), {x, scalar_of(0.9f), scalar_of(BoolByte(false))}, 2);
    EXPECT_EQ(got[0].bytes, x.bytes);
    EXPECT_EQ(got[1].bytes, std::vector<uint8_t>(x.bytes.size() / 4, 1));
  }
  EXPECT_FALSE(run_typed(make_dropout(DataType::kBool), {noise({2}), scalar_of(0.9f), scalar_of(BoolByte(true))}).ok());
}

template <typename T>
void statistics_follow_the_formula(double tolerance) {
  RandomCase random(5);
  for (int run = 0; run < 20; ++run) {
    Dims dims = random.dims(static_cast<size_t>(random.between(2, 5)), 4, false);
    const TestTensor x = typed<T, float>(dims, random.floats(static_cast<size_t>(element_count(dims))));
    const auto got = typed_ok(make_batch_statistics(), {x}, 2);
    for (int64_t channel = 0; channel < dims[1]; ++channel) {
      std::vector<double> values;
      for_each_index(dims, [&](const Dims& at) {
        if (at[1] == channel) values.push_back(static_cast<double>(x.values<T>()[flat_index(dims, at)]));
      });
      double mean = 0, variance = 0;
      for (double value : values) mean += value / static_cast<double>(values.size());
      for (double value : values) variance += (value - mean) * (value - mean) / static_cast<double>(values.size());
      EXPECT_NEAR(static_cast<double>(got[0].values<T>()[static_cast<size_t>(channel)]), mean, tolerance);
      EXPECT_NEAR(static_cast<double>(got[1].values<T>()[static_cast<size_t>(channel)]), variance, tolerance);
    }
  }
}

TEST(LegacyFormsTest, BatchStatistics) {
  statistics_follow_the_formula<float>(1e-5);
  statistics_follow_the_formula<double>(1e-12);
  statistics_follow_the_formula<Float16>(2e-2);
  EXPECT_FALSE(run_typed(make_batch_statistics(), {noise({3})}, 2).ok());
}

}  // namespace
}  // namespace sealedge::testing
