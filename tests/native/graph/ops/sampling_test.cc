// GridSample, RoiAlign, MaxRoiPool, Col2Im and DeformConv: examples worked by hand, and that special cases of one
// operator are another.
#include "graph/ops/window/sampling.h"

#include <cmath>

#include "../op_runner.h"
#include "core/float16.h"
#include "graph/ops/window/col2im.h"

namespace sealedge::testing {
namespace {

// A grid that names every pixel centre gives X back, in every mode.
TEST(GridSample, Identity) {
  const TestTensor x = noise({2, 3, 4, 5});
  for (bool align : {false, true}) {
    std::vector<float> grid;
    for (int n = 0; n < 2; n++) {
      for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 5; j++) {
          grid.push_back(align ? static_cast<float>(j) / 4 * 2 - 1 : (2 * static_cast<float>(j) + 1) / 5 - 1);
          grid.push_back(align ? static_cast<float>(i) / 3 * 2 - 1 : (2 * static_cast<float>(i) + 1) / 4 - 1);
        }
      }
    }
    for (SampleMode mode : {SampleMode::kNearest, SampleMode::kLinear, SampleMode::kCubic}) {
      for (SamplePadding padding : {SamplePadding::kZeros, SamplePadding::kBorder, SamplePadding::kReflection}) {
        expect_near(run_ok(make_grid_sample(mode, padding, align), {x, f32({2, 4, 5, 2}, grid)}), x.floats());
      }
    }
  }
}

// X = 1 2 3 4 in one dimension, aligned corners: position p is pixel (p + 1) * 1.5.
TEST(GridSample, Paddings) {
  const TestTensor x = f32({1, 1, 4}, {1, 2, 3, 4});
  const auto at = [](std::vector<float> pixels) {
    for (float& p : pixels) p = p / 1.5f - 1;
    const auto size = static_cast<int64_t>(pixels.size());
    return f32({1, size, 1}, pixels);
  };
  const auto run = [&](SampleMode mode, SamplePadding padding, const std::vector<float>& pixels) {
    return run_ok(make_grid_sample(mode, padding, true), {x, at(pixels)}).floats();
  };
  const auto near = [](const std::vector<float>& got, const std::vector<float>& want) {
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < got.size(); i++) EXPECT_NEAR(got[i], want[i], 1e-5f) << i;
  };
  using M = SampleMode;
  using P = SamplePadding;
  near(run(M::kLinear, P::kZeros, {0.5f, -0.5f, 3.25f, -2, 9}), {1.5f, 0.5f, 3, 0, 0});
  near(run(M::kLinear, P::kBorder, {-0.5f, 3.25f, 9}), {1, 4, 4});
  near(run(M::kLinear, P::kReflection, {-0.5f, -1, 4, 3.5f, 7}), {1.5f, 2, 3, 3.5f, 2});
  near(run(M::kNearest, P::kReflection, {-1, 4, 5.9f, 7}), {2, 3, 1, 2});
  near(run(M::kNearest, P::kZeros, {0.4f, 1.6f, -0.6f}), {1, 3, 0});
  // Weights at 1/2: -3/32, 19/32, 19/32, -3/32.
  near(run(M::kCubic, P::kZeros, {1.5f, -0.5f}), {2.5f, (19.0f - 6) / 32});
  near(run(M::kLinear, P::kZeros, {NAN, INFINITY, -INFINITY}), {0, 0, 0});
  near(run(M::kLinear, P::kBorder, {INFINITY, -INFINITY}), {4, 1});
}

TEST(GridSample, VolumesAndOtherTypes) {
  const TestTensor x = f32({1, 1, 2, 2, 2}, {0, 1, 2, 3, 4, 5, 6, 7});
  const TestTensor centre = f32({1, 1, 1, 1, 3}, {0, 0, 0}), corner = f32({1, 1, 1, 1, 3}, {1, -1, 1});
  const OpPtr linear = make_grid_sample(SampleMode::kLinear, SamplePadding::kZeros, true);
  expect_near(run_ok(linear, {x, centre}), {3.5f});
  expect_near(run_ok(linear, {x, corner}), {5});  // x = 1, y = 0, z = 1
  const TestTensor bytes = tensor_of<uint8_t>(DataType::kUint8, {1, 1, 2}, {10, 21});
  EXPECT_EQ(run_ok(linear, {bytes, tensor_of<double>(DataType::kFloat64, {1, 1, 1}, {0})}).values<uint8_t>()[0], 15);
  expect_error(linear, {x, f32({1, 1, 1, 1, 2}, {0, 0})}, ErrorCode::kShapeMismatch, "grid");
  expect_error(linear, {x, i64({1, 1, 1, 1, 3}, {0, 0, 0})}, ErrorCode::kOpUnsupported, "int64");
  expect_error(linear, {noise({1, 1, 0}), noise({1, 1, 1})}, ErrorCode::kShapeMismatch, "nothing");
}

TEST(RoiAlign, AveragesAndMaxima) {
  const TestTensor x = f32({1, 1, 3, 3}, {0, 1, 2, 3, 4, 5, 6, 7, 8});
  const TestTensor zero = i64({1}, {0});
  const auto run = [&](RoiAttributes a, std::vector<float> roi) {
    return run_ok(make_roi_align(a), {x, f32({1, 4}, roi), zero});
  };
  // Pixels 0 .. 2 by pixel centres: one sample in the middle, then four at quarters.
  expect_near(run({.sampling_ratio = 1}, {0, 0, 3, 3}), {4});
  expect_near(run({.height = 2, .width = 2, .sampling_ratio = 1}, {0.5f, 0.5f, 2.5f, 2.5f}), {2, 3, 5, 6});
  expect_near(run({.sampling_ratio = 1, .half_pixel = false}, {1, 1, 1, 1}), {6});  // at least one pixel: sample at 1.5
  expect_near(run({.spatial_scale = 0.5f, .sampling_ratio = 0}, {0, 0, 6, 6}), {4});
  expect_near(run({.sampling_ratio = 1}, {20, 20, 30, 30}), {0});
  // The largest weighted neighbour: 4 samples at (0.25, ...) and so on; at 1.5, 1.5 all weigh a quarter.
  expect_near(run({.sampling_ratio = 1, .maximum = true}, {1.5f, 1.5f, 2.5f, 2.5f}), {8 * 0.25f});
  const OpPtr op = make_roi_align({});
  expect_error(op, {x, f32({1, 4}, {0, 0, 1, 1}), i64({1}, {1})}, ErrorCode::kInputInvalid, "got 1");
  expect_error(op, {x, f32({1, 4}, {0, 0, 1, 1}), i64({1}, {-1})}, ErrorCode::kInputInvalid, "got -1");
  expect_error(op, {x, f32({1, 4}, {0, 0, 1e9f, 1}), zero}, ErrorCode::kInputInvalid, "too large");
  expect_error(op, {x, f32({1, 4}, {NAN, 0, 1, 1}), zero}, ErrorCode::kInputInvalid, "number");
  expect_error(op, {x, f32({1, 5}, {0, 0, 0, 1, 1}), zero}, ErrorCode::kShapeMismatch, "rois");
  expect_error(make_roi_align({.height = 0}), {x, f32({1, 4}, {0, 0, 1, 1}), zero}, ErrorCode::kModelInvalid, "range");
}

TEST(MaxRoiPool, WholePixels) {
  const TestTensor x = f32({2, 1, 3, 3}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 8, 7, 6, 5, 4, 3, 2, 1});
  const OpPtr op = make_max_roi_pool({.height = 2, .width = 2});
  const TestTensor y = run_ok(op, {x, f32({2, 5}, {0, 0, 0, 2, 2, 1, 1, 1, 2, 2})});
  EXPECT_EQ(y.dims, (Dims{2, 1, 2, 2}));
  expect_near(y, {4, 5, 7, 8, 5, 4, 2, 1});
  expect_near(run_ok(op, {x, f32({1, 5}, {0, 9, 9, 10, 10})}), {0, 0, 0, 0});
  expect_error(op, {x, f32({1, 5}, {2, 0, 0, 1, 1})}, ErrorCode::kInputInvalid, "image");
  expect_error(op, {x, f32({1, 5}, {0, NAN, 0, 1, 1})}, ErrorCode::kInputInvalid, "number");
}

// Every window of an image of ones, laid out as columns, adds up to how many windows see a pixel.
TEST(Col2Im, OverlapsAddUp) {
  const OpPtr op = make_col2im({.pads = {1, 1, 1, 1}});
  const TestTensor ones = f32({1, 9, 9}, std::vector<float>(81, 1.0f));
  const TestTensor image = i64({2}, {3, 3}).as_constant(), block = i64({2}, {3, 3}).as_constant();
  const TestTensor y = run_ok(op, {ones, image, block});
  EXPECT_EQ(y.dims, (Dims{1, 1, 3, 3}));
  expect_near(y, {4, 6, 4, 6, 9, 6, 4, 6, 4});
  // Without overlap it is a rearrangement: columns (tap, window).
  const TestTensor columns = i64({1, 4, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  const TestTensor blocks = run_ok(make_col2im({.strides = {2, 2}}),
                                   {columns, i64({2}, {2, 4}).as_constant(), i64({2}, {2, 2}).as_constant()});
  EXPECT_EQ(blocks.values<int64_t>(), (std::vector<int64_t>{1, 3, 2, 4, 5, 7, 6, 8}));
  expect_error(op, {noise({1, 9, 8}), image, block}, ErrorCode::kShapeMismatch, "columns");
  expect_error(op, {noise({1, 8, 9}), image, block}, ErrorCode::kShapeMismatch, "columns");
  expect_error(op, {noise({9, 9}), image, block}, ErrorCode::kShapeMismatch, "3 dimensions");
  expect_error(op, {ones, i64({2}, {-1, 3}).as_constant(), block}, ErrorCode::kModelInvalid, "negative");
}

TEST(DeformConv, WithoutOffsetsIsConv) {
  const WindowAttributes window = {.strides = {2, 1}, .pads = {1, 0, 1, 1}, .dilations = {1, 2}};
  const TestTensor x = noise({2, 4, 7, 6}), w = noise({6, 2, 3, 2}, 2), b = noise({6}, 3);
  const TestTensor conv =
      run_ok(make_conv(window, 2), {x, w}, {.scale = {}, .shift = b.floats(), .residual = {}, .activation = {}});
  const int64_t h = conv.dims[2], wide = conv.dims[3];
  const auto filled = [](Dims dims, float value) {
    return f32(dims, std::vector<float>(static_cast<size_t>(element_count(dims)), value));
  };
  const TestTensor none = filled({2, 2 * 2 * 6, h, wide}, 0), whole = filled({2, 2 * 6, h, wide}, 1);
  const OpPtr op = make_deform_conv(window, 2, 2);
  expect_near(run_ok(op, {x, w, none, b}), conv.floats(), 1e-5f);
  expect_near(run_ok(op, {x, w, none, b, whole}), conv.floats(), 1e-5f);
  const std::vector<float> zero_mask = run_ok(op, {x, w, none, b, filled({2, 12, h, wide}, 0)}).floats();
  for (size_t i = 0; i < zero_mask.size(); i++)
    EXPECT_EQ(zero_mask[i], b.floats()[i / static_cast<size_t>(h * wide) % 6]);
  expect_error(op, {x, w, filled({2, 23, h, wide}, 0)}, ErrorCode::kShapeMismatch, "offset");
  expect_error(op, {x, w, none, b, filled({2, 11, h, wide}, 0)}, ErrorCode::kShapeMismatch, "mask");
}

// One tap moved half a pixel right and a quarter down.
TEST(DeformConv, Interpolates) {
  const TestTensor x = f32({1, 1, 2, 2}, {0, 4, 8, 16}), w = f32({1, 1, 1, 1}, {2});
  const TestTensor offset = f32({1, 2, 2, 2}, {0.25f, 0, 0, 0, 0.5f, 0, 0.5f, 1});
  // (0.25, 0.5): 0.75 * 2 + 0.25 * 12; then 4; then (1, 0.5): 12; then (1, 2): outside.
  expect_near(run_ok(make_deform_conv({}, 1, 1), {x, w, offset}), {2 * 4.5f, 8, 24, 0});
}

}  // namespace
}  // namespace sealedge::testing
