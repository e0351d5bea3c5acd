// Pools of every type, their indices, and what goes back; DepthToSpace and SpaceToDepth.
#include "graph/ops/window/pooling.h"

#include <cmath>
#include <numeric>

#include "../op_runner.h"
#include "core/float16.h"
#include "graph/ops/array/pixel_shuffle.h"

namespace sealedge::testing {
namespace {

template <typename T>
TestTensor as(const TestTensor& tensor, DataType type) {
  std::vector<T> values;
  for (float v : tensor.floats()) values.push_back(static_cast<T>(v));
  return tensor_of(type, tensor.dims, values);
}

const std::vector<WindowAttributes> kWindows = {
    {.kernel_shape = {3, 2}, .strides = {2, 1}, .pads = {1, 0, 1, 1}},
    {.kernel_shape = {2, 2}, .strides = {3, 2}, .dilations = {2, 3}},
    {.kernel_shape = {3, 3}, .strides = {2, 2}, .auto_pad = AutoPad::kSameLower},
};

// The vector kernel and the formulas for the other types give the same.
TEST(Pool, OtherTypesAgree) {
  const TestTensor x = noise({2, 3, 7, 8});
  for (const WindowAttributes& window : kWindows) {
    for (bool ceil : {false, true}) {
      for (bool include : {false, true}) {
        for (PoolKind kind : {PoolKind::kMax, PoolKind::kAverage}) {
          const OpPtr op = make_pool(kind, window, ceil, include);
          const TestTensor want = run_ok(op, {x}), wide = run_ok(op, {as<double>(x, DataType::kFloat64)});
          EXPECT_EQ(wide.dims, want.dims);
          const std::vector<double> values = wide.values<double>();
          ASSERT_EQ(values.size(), want.floats().size());
          for (size_t i = 0; i < values.size(); i++) EXPECT_NEAR(values[i], want.floats()[i], 1e-6);
        }
      }
    }
  }
  const TestTensor half = run_ok(make_global_pool(PoolKind::kMax), {as<Float16>(x, DataType::kFloat16)});
  EXPECT_EQ(half.dims, (Dims{2, 3, 1, 1}));
  EXPECT_EQ(run_ok(make_global_pool(PoolKind::kAverage), {noise({2, 3})}).floats(), noise({2, 3}).floats());
  EXPECT_EQ(run_ok(make_global_pool(PoolKind::kAverage), {noise({2, 3, 1, 2, 1, 2, 1})}).dims,
            (Dims{2, 3, 1, 1, 1, 1, 1}));
}

TEST(Pool, Bytes) {
  const WindowAttributes window = {.kernel_shape = {3}, .strides = {2}, .pads = {1, 1}};
  const OpPtr op = make_pool(PoolKind::kMax, window, false, false);
  EXPECT_EQ(run_ok(op, {tensor_of<int8_t>(DataType::kInt8, {1, 1, 5}, {-5, -7, -1, -9, -128})}).values<int8_t>(),
            (std::vector<int8_t>{-5, -1, -9}));
  EXPECT_EQ(run_ok(op, {tensor_of<uint8_t>(DataType::kUint8, {1, 1, 5}, {1, 0, 200, 3, 255})}).values<uint8_t>(),
            (std::vector<uint8_t>{1, 200, 255}));
}

// MaxPool-12: indices count within the whole tensor, without padding; storage_order 1 counts rows fastest.
TEST(Pool, Indices) {
  std::vector<float> values(25);
  std::iota(values.begin(), values.end(), 1.0f);
  const WindowAttributes window = {.kernel_shape = {2, 2}, .strides = {2, 2}};
  const auto run = [&](const Dims& dims, bool column_major, const WindowAttributes& w) {
    auto out = run_op_outputs(make_max_pool(w, false, column_major), {f32(dims, values)});
    EXPECT_TRUE(out.ok());
    return std::move(out).value();
  };
  EXPECT_EQ(run({1, 1, 5, 5}, false, window)[0].floats(), (std::vector<float>{7, 9, 17, 19}));
  EXPECT_EQ(run({1, 1, 5, 5}, false, window)[1].values<int64_t>(), (std::vector<int64_t>{6, 8, 16, 18}));
  EXPECT_EQ(run({1, 1, 5, 5}, true, window)[1].values<int64_t>(), (std::vector<int64_t>{6, 16, 8, 18}));
  EXPECT_EQ(run({5, 1, 5}, false, {.kernel_shape = {5}})[1].values<int64_t>(),
            (std::vector<int64_t>{4, 9, 14, 19, 24}));
  // The first of equals, and a NaN before all.
  values = {2, 2, 1, 0, NAN, 3};
  const auto out = run({1, 1, 6}, false, {.kernel_shape = {3}, .strides = {3}});
  EXPECT_EQ(out[1].values<int64_t>(), (std::vector<int64_t>{0, 4}));
  EXPECT_TRUE(std::isnan(out[0].floats()[1]));
}

TEST(LpPool, Norms) {
  const TestTensor x = f32({1, 1, 4}, {3, -4, 1, 2});
  const WindowAttributes window = {.kernel_shape = {2}, .strides = {2}};
  expect_near(run_ok(make_lp_pool(window, false, 2), {x}), {5, std::sqrt(5.0f)});
  expect_near(run_ok(make_lp_pool(window, false, 1), {x}), {7, 3});
  expect_near(run_ok(make_global_lp_pool(3), {x}), {std::cbrt(27.0f + 64 + 1 + 8)});
  expect_error(make_global_lp_pool(0), {x}, ErrorCode::kModelInvalid, "p must");
}

TEST(MaxUnpool, UndoesMaxPool) {
  const TestTensor x = noise({2, 3, 6, 4});
  const WindowAttributes window = {.kernel_shape = {2, 2}, .strides = {2, 2}};
  const auto pooled = run_op_outputs(make_max_pool(window, false, false), {x});
  ASSERT_TRUE(pooled.ok());
  const TestTensor y = run_ok(make_max_unpool(window), {(*pooled)[0], (*pooled)[1]});
  EXPECT_EQ(y.dims, x.dims);
  const std::vector<int64_t> indices = (*pooled)[1].values<int64_t>();
  for (size_t i = 0; i < x.floats().size(); i++) {
    const bool kept = std::find(indices.begin(), indices.end(), static_cast<int64_t>(i)) != indices.end();
    EXPECT_EQ(y.floats()[i], kept ? x.floats()[i] : 0.0f);
  }
}

// The standard's example: indices count in 4 x 4, the output is 5 x 5.
TEST(MaxUnpool, LargerOutput) {
  const TestTensor x = f32({1, 1, 2, 2}, {1, 2, 3, 4}), indices = i64({1, 1, 2, 2}, {5, 7, 13, 15});
  const OpPtr op = make_max_unpool({.kernel_shape = {2, 2}, .strides = {2, 2}});
  const TestTensor y = run_ok(op, {x, indices, i64({4}, {1, 1, 5, 5}).as_constant()});
  EXPECT_EQ(y.floats(),
            (std::vector<float>{0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 4, 0, 0, 0, 0, 0, 0}));
  expect_error(op, {x, i64({1, 1, 2, 2}, {5, 7, 13, 16})}, ErrorCode::kInputInvalid, "index");
  expect_error(op, {x, i64({1, 1, 2, 2}, {5, 7, 13, -1})}, ErrorCode::kInputInvalid, "index");
  expect_error(op, {x, i64({1, 1, 2, 1}, {5, 7})}, ErrorCode::kShapeMismatch, "indices");
}

// y[n][c][h * b + i][w * b + j] = x[n][channel][h][w], channel = (i * b + j) * C + c (DCR) or (c * b + i) * b + j
// (CRD).
TEST(PixelShuffle, FollowsTheFormula) {
  const int64_t b = 3, c = 2, h = 2, w = 4;
  const TestTensor x = noise({2, c * b * b, h, w});
  const std::vector<float> from = x.floats();
  for (bool crd : {false, true}) {
    std::vector<float> want;
    for (int64_t n = 0; n < 2; n++) {
      for (int64_t k = 0; k < c; k++) {
        for (int64_t row = 0; row < h * b; row++) {
          for (int64_t col = 0; col < w * b; col++) {
            const int64_t i = row % b, j = col % b, channel = crd ? (k * b + i) * b + j : (i * b + j) * c + k;
            want.push_back(from[static_cast<size_t>(((n * c * b * b + channel) * h + row / b) * w + col / b)]);
          }
        }
      }
    }
    const TestTensor y = run_ok(make_depth_to_space(b, crd), {x});
    EXPECT_EQ(y.dims, (Dims{2, c, h * b, w * b}));
    EXPECT_EQ(y.floats(), want);
    EXPECT_EQ(run_ok(make_space_to_depth(b, crd), {y}).floats(), from);
  }
  EXPECT_EQ(run_ok(make_depth_to_space(2, false), {noise({0, 4, 1, 1})}).dims, (Dims{0, 1, 2, 2}));
  EXPECT_EQ(
      run_ok(make_space_to_depth(2, false), {tensor_of<uint8_t>(DataType::kUint8, {1, 1, 2, 2}, {1, 2, 3, 4})}).dims,
      (Dims{1, 4, 1, 1}));
  expect_error(make_depth_to_space(0, false), {x}, ErrorCode::kModelInvalid, "blocksize");
  expect_error(make_depth_to_space(4, false), {x}, ErrorCode::kShapeMismatch, "channels");
  expect_error(make_space_to_depth(3, true), {x}, ErrorCode::kShapeMismatch, "blocksize 3");
}

}  // namespace
}  // namespace sealedge::testing
