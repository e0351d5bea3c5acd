// LayerNormalization and its kin against their formulas, element by element in double.
#include "graph/ops/reduction/normalization.h"

#include <cmath>

#include "../op_runner.h"
#include "core/float16.h"
#include "graph/ops/element_types.h"
#include "kernels/normalize/normalize.h"

namespace sealedge::testing {
namespace {

// y of rows that are `count` long; factor(i) is scale and bias of element i.
template <typename Affine>
std::vector<float> normalized(const std::vector<float>& x, size_t count, double epsilon, bool center, Affine affine) {
  std::vector<float> y;
  for (size_t i = 0; i < x.size(); i++) {
    const float* row = &x[i / count * count];
    double mean = 0, variance = 0;
    for (size_t k = 0; k < count; k++) mean += static_cast<double>(row[k]) / static_cast<double>(count);
    if (!center) mean = 0;
    for (size_t k = 0; k < count; k++) variance += (row[k] - mean) * (row[k] - mean) / static_cast<double>(count);
    const auto [scale, bias] = affine(i);
    y.push_back(static_cast<float>((x[i] - mean) / std::sqrt(variance + epsilon) * scale + bias));
  }
  return y;
}

TEST(LayerNorm, EveryAxis) {
  const Dims dims = {2, 3, 4, 5};
  const TestTensor x = noise(dims, 1);
  for (int64_t axis = -4; axis < 4; axis++) {
    const size_t first = static_cast<size_t>(axis < 0 ? axis + 4 : axis);
    const Dims row(dims.begin() + static_cast<ptrdiff_t>(first), dims.end());
    const auto count = static_cast<size_t>(element_count(row));
    const TestTensor scale = noise(row, 2), bias = noise(row, 3);
    const std::vector<float> s = scale.floats(), b = bias.floats();
    const auto both = [&](size_t i) { return std::pair<double, double>(s[i % count], b[i % count]); };
    const auto none = [&](size_t i) { return std::pair<double, double>(s[i % count], 0); };
    const auto out = run_op_outputs(make_layer_norm(axis, 0.1f), {x, scale, bias});
    ASSERT_TRUE(out.ok()) << out.error().message;
    expect_near((*out)[0], normalized(x.floats(), count, 0.1, true, both));
    Dims statistics = dims;
    for (size_t d = first; d < 4; d++) statistics[d] = 1;
    EXPECT_EQ((*out)[1].dims, statistics);
    for (size_t i = 0; i < x.floats().size() / count; i++) {
      const RowMoments moments = row_moments(&x.floats()[i * count], {.rows = 1, .count = count, .epsilon = 0.1f});
      EXPECT_NEAR((*out)[1].floats()[i], moments.mean, 1e-6);
      EXPECT_NEAR((*out)[2].floats()[i], moments.inverse_deviation, 1e-5);
    }
    expect_near(run_ok(make_layer_norm(axis, 0.1f), {x, scale, {}}), normalized(x.floats(), count, 0.1, true, none));
    expect_near(run_ok(make_rms_norm(axis, 0.1f), {x, scale}), normalized(x.floats(), count, 0.1, false, none));
    const auto only = run_op_outputs(make_layer_norm(axis, 0.1f), {x, scale, bias}, {}, {false, true});
    ASSERT_TRUE(only.ok());
    EXPECT_EQ((*only)[1].floats(), (*out)[1].floats());
  }
}

TEST(LayerNorm, BroadcastFactorsAndOtherTypes) {
  const TestTensor x = noise({2, 3, 4}, 1), scale = noise({3, 1}, 2), bias = noise({1}, 3);
  const std::vector<float> s = scale.floats(), b = bias.floats();
  const auto affine = [&](size_t i) { return std::pair<double, double>(s[i / 4 % 3], b[0]); };
  const std::vector<float> want = normalized(x.floats(), 4, 1e-5, true, affine);
  expect_near(run_ok(make_layer_norm(-1, 1e-5f), {x, scale, bias}), want);
  const auto as = [](const TestTensor& tensor, auto zero, DataType type) {
    std::vector<decltype(zero)> values;
    for (float v : tensor.floats()) values.push_back(static_cast<decltype(zero)>(v));
    return tensor_of(type, tensor.dims, values);
  };
  const auto wide =
      run_ok(make_layer_norm(-1, 1e-5f),
             {as(x, 0.0, DataType::kFloat64), as(scale, 0.0, DataType::kFloat64), as(bias, 0.0, DataType::kFloat64)})
          .values<double>();
  const Float16 half{};
  const auto halves =
      run_ok(make_layer_norm(-1, 1e-5f),
             {as(x, half, DataType::kFloat16), as(scale, half, DataType::kFloat16), as(bias, half, DataType::kFloat16)})
          .values<Float16>();
  for (size_t i = 0; i < want.size(); i++) {
    EXPECT_NEAR(wide[i], want[i], 1e-5);
    EXPECT_NEAR(halves[i], want[i], 2e-2);
  }
}

// Large offsets leave digits: deviations are squared, not values. Rows longer than a piece too.
TEST(LayerNorm, LongRowsFarFromZero) {
  std::vector<float> values(5000);
  for (size_t i = 0; i < values.size(); i++) values[i] = 10000.0f + static_cast<float>(i % 7);
  const TestTensor x = f32({1, 5000}, values), scale = f32({5000}, std::vector<float>(5000, 1.0f));
  const auto affine = [](size_t) { return std::pair<double, double>(1, 0); };
  expect_near(run_ok(make_layer_norm(-1, 1e-5f), {x, scale}), normalized(values, 5000, 1e-5, true, affine), 1e-3f);
}

TEST(GroupNorm, InstanceAndGroups) {
  const TestTensor x = noise({2, 6, 3, 5}, 1), scale = noise({6}, 2), bias = noise({6}, 3);
  const TestTensor group_scale = noise({3}, 4), group_bias = noise({3}, 5);
  const std::vector<float> s = scale.floats(), b = bias.floats(), gs = group_scale.floats(), gb = group_bias.floats();
  const auto channel = [&](size_t i) { return std::pair<double, double>(s[i / 15 % 6], b[i / 15 % 6]); };
  const auto group = [&](size_t i) { return std::pair<double, double>(gs[i / 30 % 3], gb[i / 30 % 3]); };
  const std::vector<float> v = x.floats();
  expect_near(run_ok(make_instance_norm(1e-2f), {x, scale, bias}), normalized(v, 15, 1e-2, true, channel));
  expect_near(run_ok(make_group_norm(3, 1e-2f, false), {x, scale, bias}), normalized(v, 30, 1e-2, true, channel));
  expect_near(run_ok(make_group_norm(3, 1e-2f, true), {x, group_scale, group_bias}),
              normalized(v, 30, 1e-2, true, group));
  expect_near(run_ok(make_group_norm(1, 1e-2f, false), {x, scale, bias}), normalized(v, 90, 1e-2, true, channel));
  EXPECT_EQ(run_ok(make_instance_norm(1e-2f), {noise({0, 6, 3}), scale, bias}).dims, (Dims{0, 6, 3}));
  EXPECT_EQ(run_ok(make_instance_norm(1e-2f), {noise({2, 6, 0}), scale, bias}).dims, (Dims{2, 6, 0}));
}

template <typename T>
TestTensor as(const TestTensor& tensor) {
  std::vector<T> values;
  for (float value : tensor.floats()) values.push_back(T(value));
  return tensor_of(kDataTypeOf<T>, tensor.dims, values);
}

// BatchNormalization-15 has three types; halves are kept with float parameters by most converters.
TEST(BatchNorm, OtherTypes) {
  const TestTensor x = noise({2, 3, 2, 5}, 1), scale = noise({3}, 2), b = noise({3}, 3), mean = noise({3}, 4),
                   var = f32({3}, {0.5f, 1, 2});
  std::vector<float> want = x.floats();
  for (size_t i = 0; i < want.size(); i++) {
    const size_t c = i / 10 % 3;
    want[i] = (want[i] - mean.floats()[c]) / std::sqrt(var.floats()[c] + 1e-3f) * scale.floats()[c] + b.floats()[c];
  }
  const OpPtr op = make_batch_norm(1e-3f);
  const auto check = [&]<typename X, typename Affine, typename Statistics>(float tolerance) {
    const TestTensor got =
        run_ok(op, {as<X>(x), as<Affine>(scale), as<Affine>(b), as<Statistics>(mean), as<Statistics>(var)});
    ASSERT_EQ(got.type, kDataTypeOf<X>);
    ASSERT_EQ(got.dims, x.dims);
    const std::vector<X> values = got.values<X>();
    for (size_t i = 0; i < want.size(); i++) EXPECT_NEAR(static_cast<float>(values[i]), want[i], tolerance) << i;
  };
  check.operator()<float, float, float>(1e-5f);
  check.operator()<double, double, double>(1e-5f);
  check.operator()<Float16, Float16, Float16>(1e-2f);
  check.operator()<Float16, float, float>(3e-3f);
  check.operator()<Float16, Float16, float>(1e-2f);
  check.operator()<float, double, Float16>(1e-2f);
  expect_error(op, {x, as<double>(scale), b, mean, var}, ErrorCode::kShapeMismatch, "scale and B");
  expect_error(op, {x, scale, b, mean, as<double>(var)}, ErrorCode::kShapeMismatch, "mean and var");
  expect_error(op, {i64({1, 1}, {1}), scale, b, mean, var}, ErrorCode::kOpUnsupported, "int64");
}

TEST(BatchNorm, OneDimensionIsOneChannel) {
  const TestTensor two = f32({1}, {2}), four = f32({1}, {4}), zero = f32({1}, {0});
  expect_near(run_ok(make_batch_norm(0), {f32({3}, {1, 2, 3}), four, zero, two, four}), {-2, 0, 2});
  expect_error(make_batch_norm(0), {f32({3}, {1, 2, 3}), noise({3}), noise({3}), noise({3}), noise({3})},
               ErrorCode::kShapeMismatch, "1 channels");
}

TEST(LocalResponse, WindowsOfChannels) {
  const TestTensor x = noise({2, 7, 2, 3}, 1);
  const std::vector<float> v = x.floats();
  for (int64_t size : {1, 2, 3, 4, 9}) {
    std::vector<float> want(v.size());
    for (size_t i = 0; i < v.size(); i++) {
      const int64_t c = static_cast<int64_t>(i / 6 % 7);
      double sum = 0;
      for (int64_t k = c - (size - 1) / 2; k <= c + size / 2; k++) {
        if (k < 0 || k >= 7) continue;
        const float value = v[i / 42 * 42 + static_cast<size_t>(k) * 6 + i % 6];
        sum += static_cast<double>(value) * value;
      }
      want[i] = static_cast<float>(v[i] / std::pow(1.5 + 0.2 / static_cast<double>(size) * sum, 0.75));
    }
    for (Format format : {Format::kRowMajor, Format::kChannelsLast}) {
      const TestTensor got = run_ok(make_local_response_norm(size, 0.2f, 0.75f, 1.5f), {x.arriving_as(format)});
      EXPECT_EQ(got.format, format);
      expect_near(got, want);
    }
  }
}

TEST(Normalization, Refusals) {
  const TestTensor x = noise({2, 6, 4});
  expect_error(make_layer_norm(3, 0), {x, noise({4})}, ErrorCode::kModelInvalid, "axis 3");
  expect_error(make_layer_norm(-1, 0), {x, noise({5})}, ErrorCode::kShapeMismatch, "broadcast");
  expect_error(make_layer_norm(-1, 0), {x, noise({1, 2, 6, 4})}, ErrorCode::kShapeMismatch, "broadcast");
  expect_error(make_layer_norm(-1, 0), {i64({1}, {1}), i64({1}, {1})}, ErrorCode::kOpUnsupported, "int64");
  expect_error(make_instance_norm(0), {x, noise({5}), noise({6})}, ErrorCode::kShapeMismatch, "expected [6]");
  expect_error(make_instance_norm(0), {noise({3}), noise({3}), noise({3})}, ErrorCode::kShapeMismatch, "2 dimensions");
  expect_error(make_group_norm(4, 0, false), {x, noise({6}), noise({6})}, ErrorCode::kShapeMismatch, "4 groups");
  expect_error(make_local_response_norm(0, 1, 1, 1), {x}, ErrorCode::kModelInvalid, "size");
}

}  // namespace
}  // namespace sealedge::testing
