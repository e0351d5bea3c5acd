// Resize against the standard's definition: coordinates in one dimension, neighbours by distance, dimensions one after
// the other.
#include "graph/ops/window/resize.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "../op_runner.h"
#include "core/float16.h"
#include "graph/ops/window/resize_table.h"

namespace sealedge::testing {
namespace {

using C = ResizeCoordinates;
using N = ResizeNearest;

struct Axis {
  int64_t in, out;
  float scale;
  float roi_start = 0, roi_end = 1;
};

double coordinate(C mode, const Axis& a, int64_t position) {
  const double x = static_cast<double>(position), in = static_cast<double>(a.in), scale = a.scale;
  const double length = scale * in;
  switch (mode) {
    case C::kHalfPixel:
      return (x + 0.5) / scale - 0.5;
    case C::kHalfPixelSymmetric:
      return in / 2 * (1 - static_cast<double>(a.out) / length) + (x + 0.5) / scale - 0.5;
    case C::kPytorchHalfPixel:
      return a.out > 1 ? (x + 0.5) / scale - 0.5 : 0;
    case C::kAlignCorners:
      return length == 1 ? 0 : x * (in - 1) / (length - 1);
    case C::kAsymmetric:
      return x / scale;
    case C::kTfHalfPixelForNn:
      return (x + 0.5) / scale;
    case C::kTfCropAndResize:
      return a.out > 1
                 ? a.roi_start * (in - 1) + x * (a.roi_end - a.roi_start) * (in - 1) / static_cast<double>(a.out - 1)
                 : 0.5 * (a.roi_start + a.roi_end) * (in - 1);
  }
  return 0;
}

std::vector<double> coefficients(const ResizeAttributes& at, double ratio, double scale) {
  const double narrow = at.antialias ? std::min(scale, 1.0) : 1.0;
  const double reach = at.mode == ResizeMode::kCubic ? 2 : 1, a = at.cubic_coeff_a;
  const int start = static_cast<int>(std::floor(-reach / narrow)) + 1;
  std::vector<double> out;
  for (int i = start; i < 2 - start; i++) {
    const double x = std::fabs((i - ratio) * narrow);
    if (at.mode == ResizeMode::kLinear) {
      out.push_back(std::max(0.0, 1 - x));
    } else {
      out.push_back(x <= 1  ? (a + 2) * x * x * x - (a + 3) * x * x + 1
                    : x < 2 ? a * x * x * x - 5 * a * x * x + 8 * a * x - 4 * a
                            : 0);
    }
  }
  const double sum = std::accumulate(out.begin(), out.end(), 0.0);
  for (double& c : out) c /= at.antialias ? sum : 1;
  return out;
}

double pixel(const std::vector<double>& data, double position) {
  const double last = static_cast<double>(data.size() - 1);
  return data[static_cast<size_t>(std::min(std::max(position, 0.0), last))];
}

double sample(const ResizeAttributes& at, const Axis& a, int64_t position, const std::vector<double>& data) {
  const double x = coordinate(at.coordinates, a, position);
  if (at.coordinates == C::kTfCropAndResize && (x < 0 || x > static_cast<double>(a.in - 1))) {
    return at.extrapolation_value;
  }
  if (at.mode == ResizeMode::kNearest) {
    const double down = std::floor(x), ratio = x - down;
    switch (at.nearest) {
      case N::kFloor:
        return pixel(data, down);
      case N::kCeil:
        return pixel(data, std::ceil(x));
      case N::kRoundPreferFloor:
        return pixel(data, ratio <= 0.5 ? down : down + 1);
      case N::kRoundPreferCeil:
        return pixel(data, ratio < 0.5 ? down : down + 1);
      case N::kSimple:
        return pixel(data, a.scale < 1 ? std::ceil(x) : down);
    }
  }
  const double down = std::floor(x);
  std::vector<double> weights = coefficients(at, x - down, a.scale);
  const double first = down + 1 - static_cast<double>(weights.size()) / 2;
  double sum = 0, total = 0;
  for (size_t k = 0; k < weights.size(); k++) {
    const double at_pixel = first + static_cast<double>(k);
    if (at.exclude_outside && (at_pixel < 0 || at_pixel >= static_cast<double>(a.in))) weights[k] = 0;
    total += weights[k];
    sum += weights[k] * pixel(data, at_pixel);
  }
  return at.exclude_outside ? sum / total : sum;
}

// All axes of a row-major tensor.
std::vector<double> resized(const ResizeAttributes& at, const std::vector<Axis>& axes, std::vector<double> values) {
  size_t outer = 1, inner = values.size();
  for (const Axis& a : axes) {
    inner /= static_cast<size_t>(a.in);
    std::vector<double> next;
    for (size_t o = 0; o < outer; o++) {
      for (int64_t j = 0; j < a.out; j++) {
        for (size_t i = 0; i < inner; i++) {
          std::vector<double> line;
          for (size_t k = 0; k < static_cast<size_t>(a.in); k++) {
            line.push_back(values[(o * static_cast<size_t>(a.in) + k) * inner + i]);
          }
          next.push_back(a.in == a.out && a.scale == 1 && at.coordinates != C::kTfCropAndResize
                             ? line[j]
                             : sample(at, a, j, line));
        }
      }
    }
    values = std::move(next);
    outer *= static_cast<size_t>(a.out);
  }
  return values;
}

void expect_resized(const ResizeAttributes& at, const TestTensor& x, const std::vector<float>& scales,
                    float tolerance = 2e-5f) {
  std::vector<Axis> axes;
  Dims dims;
  for (size_t d = 0; d < scales.size(); d++) {
    const auto out = static_cast<int64_t>(std::floor(static_cast<float>(x.dims[d]) * scales[d]));
    axes.push_back({x.dims[d], out, scales[d]});
    dims.push_back(out);
  }
  const std::vector<float> floats = x.floats();
  const std::vector<double> want = resized(at, axes, {floats.begin(), floats.end()});
  const TestTensor factors = f32({static_cast<int64_t>(scales.size())}, scales).as_constant();
  for (Format format : {Format::kRowMajor, Format::kChannelsLast}) {
    if (format == Format::kChannelsLast && x.dims.size() < 3) continue;
    const TestTensor got = run_ok(make_resize(at), {x.arriving_as(format), {}, factors, {}});
    EXPECT_EQ(got.dims, dims);
    EXPECT_EQ(got.format, format);
    expect_near(got, {want.begin(), want.end()}, tolerance);
  }
}

TEST(Resize, EveryModeByScales) {
  for (ResizeMode mode : {ResizeMode::kNearest, ResizeMode::kLinear, ResizeMode::kCubic}) {
    for (C coordinates : {C::kHalfPixel, C::kHalfPixelSymmetric, C::kPytorchHalfPixel, C::kAlignCorners, C::kAsymmetric,
                          C::kTfHalfPixelForNn}) {
      for (N nearest : {N::kRoundPreferFloor, N::kRoundPreferCeil, N::kFloor, N::kCeil, N::kSimple}) {
        if (mode != ResizeMode::kNearest && nearest != N::kFloor) continue;
        // Its coordinates are whole numbers but for rounding, which floor and ceil would show.
        if (mode == ResizeMode::kNearest && coordinates == C::kHalfPixelSymmetric && nearest > N::kRoundPreferCeil) {
          continue;
        }
        for (bool exclude : {false, true}) {
          SCOPED_TRACE(::testing::Message()
                       << "mode " << static_cast<int>(mode) << " coordinates " << static_cast<int>(coordinates)
                       << " nearest " << static_cast<int>(nearest) << " exclude " << exclude);
          ResizeAttributes at = {.mode = mode, .coordinates = coordinates, .nearest = nearest};
          at.exclude_outside = exclude;
          expect_resized(at, noise({1, 3, 4, 5}), {1, 1, 2, 2});
          expect_resized(at, noise({2, 2, 7, 6}), {1, 1, 0.5f, 1.75f});
          expect_resized(at, noise({3, 9}), {1.5f, 0.3125f});
          if (mode == ResizeMode::kNearest) continue;
          at.antialias = true;
          expect_resized(at, noise({1, 2, 9, 8}), {1, 1, 0.37f, 2.5f});
        }
      }
    }
  }
}

TEST(Resize, BySizesAxesAndPolicy) {
  const TestTensor x = noise({2, 3, 5, 4});
  const auto dims = [&](ResizePolicy policy, std::vector<int64_t> axes, std::vector<int64_t> sizes) {
    const TestTensor size = i64({static_cast<int64_t>(sizes.size())}, sizes).as_constant();
    return run_ok(make_resize({.policy = policy, .axes = std::move(axes)}), {x, {}, {}, size}).dims;
  };
  EXPECT_EQ(dims(ResizePolicy::kStretch, {}, {1, 3, 9, 2}), (Dims{1, 3, 9, 2}));
  EXPECT_EQ(dims(ResizePolicy::kStretch, {3, 2}, {9, 2}), (Dims{2, 3, 2, 9}));
  EXPECT_EQ(dims(ResizePolicy::kNotLarger, {2, 3}, {10, 6}), (Dims{2, 3, 8, 6}));  // scale 1.5: 7.5 rounds up
  EXPECT_EQ(dims(ResizePolicy::kNotSmaller, {-2, -1}, {10, 6}), (Dims{2, 3, 10, 8}));
}

// The standard's example: nearest, x2 and x3.
TEST(Resize, NearestExample) {
  const TestTensor x = f32({1, 1, 2, 2}, {1, 2, 3, 4});
  const TestTensor y = run_ok(make_resize({}), {x, {}, f32({4}, {1, 1, 2, 3}).as_constant(), {}});
  EXPECT_EQ(y.floats(), (std::vector<float>{1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 3, 3, 3, 4, 4, 4}));
}

TEST(Resize, CropAndResize) {
  const TestTensor x = noise({1, 1, 4, 4});
  for (ResizeMode mode : {ResizeMode::kNearest, ResizeMode::kLinear}) {
    ResizeAttributes at = {.mode = mode, .coordinates = C::kTfCropAndResize, .extrapolation_value = 10.0f};
    const std::vector<Axis> axes = {
        {1, 1, 1, 0, 1}, {1, 1, 1, 0, 1}, {4, 3, 0.75f, 0.375f, 0.7f}, {4, 3, 0.75f, 0.6f, 1.7f}};
    const std::vector<float> floats = x.floats();
    const std::vector<double> want = resized(at, axes, {floats.begin(), floats.end()});
    const TestTensor roi = f32({8}, {0, 0, 0.375f, 0.6f, 1, 1, 0.7f, 1.7f}).as_constant();
    const TestTensor got = run_ok(make_resize(at), {x, roi, {}, i64({4}, {1, 1, 3, 3}).as_constant()});
    expect_near(got, {want.begin(), want.end()}, 1e-5f);
    EXPECT_EQ(got.floats()[2], 10.0f);
  }
}

// A value that the type does not have is the nearest one that it has.
TEST(Resize, ExtrapolationSaturates) {
  const TestTensor roi = f32({2}, {-1, 2}).as_constant(), sizes = i64({1}, {4}).as_constant();
  for (const float value : {1e30f, -1e30f, std::numeric_limits<float>::quiet_NaN()}) {
    for (const ResizeMode mode : {ResizeMode::kNearest, ResizeMode::kLinear}) {
      const ResizeAttributes attributes = {
          .mode = mode, .coordinates = ResizeCoordinates::kTfCropAndResize, .extrapolation_value = value};
      const TestTensor got =
          run_ok(make_resize(attributes), {tensor_of<uint8_t>(DataType::kUint8, {2}, {7, 7}), roi, {}, sizes});
      const uint8_t outside = value > 0 ? 255 : 0;
      EXPECT_EQ(got.values<uint8_t>(), (std::vector<uint8_t>{outside, 7, 7, outside}));
    }
  }
}

TEST(Resize, IntegersAndHalves) {
  const TestTensor scales = f32({2}, {1, 2}).as_constant();
  const OpPtr linear = make_resize({.mode = ResizeMode::kLinear});
  const OpPtr cubic = make_resize({.mode = ResizeMode::kCubic});
  EXPECT_EQ(run_ok(linear, {tensor_of<uint8_t>(DataType::kUint8, {1, 2}, {10, 21}), {}, scales, {}}).values<uint8_t>(),
            (std::vector<uint8_t>{10, 12, 18, 21}));
  EXPECT_EQ(run_ok(linear, {tensor_of<int8_t>(DataType::kInt8, {1, 2}, {-10, -21}), {}, scales, {}}).values<int8_t>(),
            (std::vector<int8_t>{-10, -12, -18, -21}));
  // What a cubic overshoots stays within the type.
  const auto bytes =
      run_ok(cubic, {tensor_of<uint8_t>(DataType::kUint8, {1, 4}, {0, 0, 255, 255}), {}, scales, {}}).values<uint8_t>();
  EXPECT_EQ(bytes.front(), 0);
  EXPECT_EQ(*std::max_element(bytes.begin(), bytes.end()), 255);
  EXPECT_EQ(bytes[5], 255);
  const int64_t big = (int64_t{1} << 50) + 1;
  EXPECT_EQ(run_ok(linear, {i64({1, 2}, {big, big}), {}, scales, {}}).values<int64_t>(),
            (std::vector<int64_t>{big, big, big, big}));
  const TestTensor half = tensor_of(DataType::kFloat16, {1, 2}, std::vector<Float16>{Float16(1.0f), Float16(2.0f)});
  const auto halves = run_ok(linear, {half, {}, scales, {}}).values<Float16>();
  EXPECT_EQ((std::vector<float>{halves.begin(), halves.end()}), (std::vector<float>{1, 1.25f, 1.75f, 2}));
  EXPECT_EQ(run_ok(make_resize({}), {boolean({1, 2}, {1, 0}), {}, scales, {}}).values<uint8_t>(),
            (std::vector<uint8_t>{1, 1, 0, 0}));
}

TEST(Resize, Refusals) {
  const TestTensor x = noise({1, 1, 2, 2});
  const auto scales = [](std::vector<float> v) { return f32({static_cast<int64_t>(v.size())}, v).as_constant(); };
  const auto sizes = [](std::vector<int64_t> v) { return i64({static_cast<int64_t>(v.size())}, v).as_constant(); };
  const OpPtr op = make_resize({});
  expect_error(op, {x, {}, {}, {}}, ErrorCode::kModelInvalid, "one of scales and sizes");
  expect_error(op, {x, {}, scales({1, 1, 2, 2}), sizes({1, 1, 2, 2})}, ErrorCode::kModelInvalid, "one of");
  expect_error(op, {x, {}, scales({1, 1, 2}), {}}, ErrorCode::kShapeMismatch, "expected 4");
  expect_error(op, {x, {}, {}, sizes({1, 1, 2})}, ErrorCode::kShapeMismatch, "expected 4");
  expect_error(op, {x, {}, scales({1, 1, 0, 2}), {}}, ErrorCode::kModelInvalid, "positive");
  expect_error(op, {x, {}, scales({1, 1, NAN, 2}), {}}, ErrorCode::kModelInvalid, "positive");
  expect_error(op, {x, {}, scales({1, 1, 1e30f, 2}), {}}, ErrorCode::kLimitExceeded, "too large");
  expect_error(op, {x, {}, {}, sizes({1, 1, -1, 2})}, ErrorCode::kModelInvalid, "sizes");
  expect_error(op, {noise({1, 0}), {}, {}, sizes({1, 2})}, ErrorCode::kShapeMismatch, "size 0");
  expect_error(make_resize({.axes = {2, -2}}), {x, {}, {}, sizes({2, 2})}, ErrorCode::kModelInvalid, "twice");
  expect_error(make_resize({.axes = {4}}), {x, {}, {}, sizes({2})}, ErrorCode::kModelInvalid, "axis 4");
  expect_error(make_resize({.coordinates = C::kTfCropAndResize}), {x, {}, {}, sizes({1, 1, 2, 2})},
               ErrorCode::kModelInvalid, "roi");
  const Result<ResizeTable> wide = make_resize_table({.mode = ResizeMode::kLinear, .antialias = true},
                                                     {.in = int64_t{1} << 31, .out = 1, .scale = 0x1p-31f});
  ASSERT_FALSE(wide.ok());
  EXPECT_EQ(wide.error().code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(run_ok(op, {noise({0, 3}), {}, {}, sizes({0, 5})}).dims, (Dims{0, 5}));
}

}  // namespace
}  // namespace sealedge::testing
