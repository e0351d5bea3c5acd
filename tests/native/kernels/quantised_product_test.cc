// 8-bit convolutions and products against the definition: plain loops over the window in 64 bits, zero points
// subtracted one by one. Every table, element by element equal.
#include <gtest/gtest.h>

#include <cmath>

#include "core/weight_packing.h"
#include "kernel_testing.h"
#include "kernels/qconv/qconv.h"
#include "kernels/qdepthwise/qdepthwise.h"

namespace sealedge {
namespace {

using testing::Guarded;
using testing::OnePieceWeightSource;

struct Case {
  WindowGeometry window;
  size_t in_channels, out_channels, groups;
  bool x_signed, w_signed;
  int32_t x_zero;
  bool weight_zeros, bias;
  Q8Output output;
  bool channels_first = false;

  bool depthwise() const { return groups > 1 && groups == in_channels && groups == out_channels; }
  size_t y_size() const { return window.batch * window.out_pixels() * out_channels; }
};

size_t out_size(size_t in, size_t kernel, size_t stride, size_t dilation, size_t pad_begin, size_t pad_end) {
  return (in + pad_begin + pad_end - (kernel - 1) * dilation - 1) / stride + 1;
}

WindowGeometry image(size_t batch, size_t height, size_t width, size_t kernel_h, size_t kernel_w, size_t stride,
                     size_t dilation, size_t pad_begin, size_t pad_end) {
  WindowGeometry w;
  w.batch = batch;
  w.in[1] = height;
  w.in[2] = width;
  w.kernel[1] = kernel_h;
  w.kernel[2] = kernel_w;
  for (int d = 1; d < 3; d++) {
    w.stride[d] = stride;
    w.dilation[d] = dilation;
    w.pad_begin[d] = pad_begin;
    w.pad_end[d] = pad_end;
    w.out[d] = out_size(w.in[d], w.kernel[d], stride, dilation, pad_begin, pad_end);
  }
  return w;
}

struct Data {
  std::vector<uint8_t> x, w;  // x (N, H, W, C), w (O, I, taps)
  std::vector<int32_t> bias, weight_zero;
  std::vector<float> multiplier;
};

Data random_data(const Case& c, uint32_t seed) {
  std::mt19937 random(seed);
  Data data;
  data.x.resize(c.window.batch * c.window.in_pixels() * c.in_channels);
  data.w.resize(c.out_channels * (c.in_channels / c.groups) * c.window.taps());
  // Extremes often: where a saturating instruction would show.
  const auto byte = [&] { return static_cast<uint8_t>(random() % 4 == 0 ? (random() % 2 ? 0x80 : 0x7f) : random()); };
  for (uint8_t& v : data.x) v = random() % 5 == 0 ? 0xff : byte();
  for (uint8_t& v : data.w) v = byte();
  for (size_t o = 0; o < c.out_channels; o++) {
    data.bias.push_back(static_cast<int32_t>(random() % 40001) - 20000);
    data.weight_zero.push_back(static_cast<int32_t>(random() % 256) - 128);
    data.multiplier.push_back(0.0001f * static_cast<float>(1 + random() % 100));
  }
  return data;
}

int32_t value_of(uint8_t byte, bool is_signed) { return is_signed ? static_cast<int8_t>(byte) : byte; }

// The exact sum of output element i.
int64_t expected_sum(const Case& c, const Data& data, size_t i) {
  const WindowGeometry& w = c.window;
  const size_t o = i % c.out_channels, ow = i / c.out_channels % w.out[2];
  const size_t oh = i / c.out_channels / w.out[2] % w.out[1], n = i / c.out_channels / w.out[2] / w.out[1];
  const size_t group_in = c.in_channels / c.groups, group = o / (c.out_channels / c.groups);
  int64_t sum = c.bias ? data.bias[o] : 0;
  for (size_t ic = 0; ic < group_in; ic++) {
    for (size_t kh = 0; kh < w.kernel[1]; kh++) {
      for (size_t kw = 0; kw < w.kernel[2]; kw++) {
        const size_t ih = oh * w.stride[1] + kh * w.dilation[1] - w.pad_begin[1];
        const size_t iw = ow * w.stride[2] + kw * w.dilation[2] - w.pad_begin[2];
        if (ih >= w.in[1] || iw >= w.in[2]) continue;
        const uint8_t x = data.x[((n * w.in[1] + ih) * w.in[2] + iw) * c.in_channels + group * group_in + ic];
        const uint8_t weight = data.w[(o * group_in + ic) * w.taps() + kh * w.kernel[2] + kw];
        const int32_t packed = value_of(weight, c.w_signed) - (c.w_signed ? 0 : 128);
        sum += int64_t{value_of(x, c.x_signed) - c.x_zero} * (packed - (c.weight_zeros ? data.weight_zero[o] : 0));
      }
    }
  }
  return sum;
}

std::vector<uint8_t> expected_bytes(const Case& c, const Data& data, const Q8Epilogue& e) {
  std::vector<uint8_t> bytes(c.y_size() * q8_output_bytes(c.output));
  for (size_t i = 0; i < c.y_size(); i++) {
    const auto sum = static_cast<int32_t>(expected_sum(c, data, i));
    const float v = static_cast<float>(sum) * data.multiplier[i % c.out_channels];
    if (c.output == Q8Output::kInt32) {
      std::memcpy(&bytes[4 * i], &sum, 4);
    } else if (c.output == Q8Output::kFloat32) {
      std::memcpy(&bytes[4 * i], &v, 4);
    } else {
      const float clamped = std::fmin(std::fmax(v, e.lo), e.hi);
      bytes[i] = static_cast<uint8_t>(static_cast<int32_t>(std::nearbyint(clamped)) + e.zero_point);
    }
  }
  return bytes;
}

Q8Epilogue epilogue_of(const Case& c, const Data& data) {
  Q8Epilogue e;
  e.output = c.output;
  e.multiplier = data.multiplier.data();
  e.zero_point = c.output == Q8Output::kInt8 ? -5 : 100;
  const auto lowest = c.output == Q8Output::kInt8 ? -128 : 0;
  e.lo = static_cast<float>(lowest - e.zero_point);
  e.hi = static_cast<float>(lowest + 255 - e.zero_point);
  return e;
}

std::vector<uint8_t> channels_first(const Case& c, const std::vector<uint8_t>& x) {
  std::vector<uint8_t> out(x.size());
  const size_t pixels = c.window.in_pixels();
  for (size_t i = 0; i < x.size(); i++) {
    const size_t channel = i % c.in_channels, pixel = i / c.in_channels % pixels, n = i / c.in_channels / pixels;
    out[(n * c.in_channels + channel) * pixels + pixel] = x[i];
  }
  return out;
}

void expect_exact(const Case& c, uint32_t seed, unsigned thread_count = 1) {
  const Data data = random_data(c, seed);
  const Q8Epilogue epilogue = epilogue_of(c, data);
  const std::vector<uint8_t> want = expected_bytes(c, data, epilogue);
  const auto layout = c.depthwise() ? (c.w_signed ? WeightLayout::kInt8Depthwise16 : WeightLayout::kUint8Depthwise16)
                                    : (c.w_signed ? WeightLayout::kInt8Panel16 : WeightLayout::kUint8Panel16);
  const std::vector<int64_t> dims = {
      static_cast<int64_t>(c.out_channels), static_cast<int64_t>(c.in_channels / c.groups),
      static_cast<int64_t>(c.window.kernel[1]), static_cast<int64_t>(c.window.kernel[2])};
  const auto geometry = weight_geometry(layout, WeightSourceOrder::kConvOIHW, dims);
  ASSERT_TRUE(geometry.ok());
  std::vector<uint8_t> packed(geometry->size_bytes);
  pack_weight(*geometry, data.w.data(), packed.data());
  const Guarded<uint8_t> x(c.channels_first ? channels_first(c, data.x) : data.x);

  const KernelTables tables = available_kernels();
  for (size_t t = 0; t < tables.size; t++) {
    const OnePieceWeightSource weights(packed.data(), packed.size(), thread_count);
    KernelContext context{tables.data[t]};
    if (thread_count > 1) context.parallel = testing::threads(thread_count);
    Guarded<uint8_t> y(want.size(), 0xee);
    const auto run = [&](size_t scratch_bytes, auto compute) {
      std::unique_ptr<uint8_t, decltype(&std::free)> scratch(
          static_cast<uint8_t*>(std::aligned_alloc(64, (scratch_bytes + 127) / 64 * 64)), &std::free);
      std::memset(scratch.get(), 0x5a, scratch_bytes);
      context.scratch = scratch.get();
      compute();
    };
    if (c.depthwise()) {
      const Q8DepthwiseParams params = {.window = c.window,
                                        .channels = c.in_channels,
                                        .x_channels_first = c.channels_first,
                                        .x_signed = c.x_signed,
                                        .x_zero = c.x_zero,
                                        .x = x.data(),
                                        .bias = c.bias ? data.bias.data() : nullptr,
                                        .weight_zero = c.weight_zeros ? data.weight_zero.data() : nullptr,
                                        .y = y.data(),
                                        .epilogue = epilogue};
      run(q8_depthwise_scratch_bytes(params, thread_count), [&] { q8_depthwise(params, weights, context); });
    } else {
      const Q8ConvParams params = {.window = c.window,
                                   .in_channels = c.in_channels,
                                   .out_channels = c.out_channels,
                                   .groups = c.groups,
                                   .x_channels_first = c.channels_first,
                                   .weights_have_zero_point = c.weight_zeros,
                                   .x_signed = c.x_signed,
                                   .x_zero = c.x_zero,
                                   .x = x.data(),
                                   .bias = c.bias ? data.bias.data() : nullptr,
                                   .weight_zero = c.weight_zeros ? data.weight_zero.data() : nullptr,
                                   .y = y.data(),
                                   .epilogue = epilogue};
      run(q8_conv_scratch_bytes(params), [&] { q8_conv(params, weights, context); });
    }
    EXPECT_TRUE(weights.all_released());
    ASSERT_EQ(y.copy(), want) << "table " << t << " (" << tables.data[t]->isa << ") seed " << seed << " channels "
                              << c.in_channels << " -> " << c.out_channels << " groups " << c.groups;
  }
}

TEST(QuantisedProduct, IsExactForManyShapes) {
  std::mt19937 random(2026);
  const auto pick = [&](std::initializer_list<size_t> values) { return values.begin()[random() % values.size()]; };
  for (uint32_t seed = 0; seed < 150; seed++) {
    const size_t kernel = pick({1, 1, 2, 3, 5}), dilation = pick({1, 1, 2}), pad = pick({0, 0, 1, 2});
    Case c = {.window = image(pick({1, 2}), pick({9, 12, 17}), pick({9, 13, 20}), kernel, pick({1, 3, kernel}),
                              pick({1, 1, 2}), dilation, std::min(pad, kernel - 1), std::min(pad, kernel - 1)),
              .in_channels = pick({1, 2, 3, 4, 7, 16, 20, 33}),
              .out_channels = pick({1, 3, 8, 16, 17, 33, 48}),
              .groups = 1,
              .x_signed = random() % 2 == 0,
              .w_signed = random() % 2 == 0,
              .x_zero = 0,
              .weight_zeros = random() % 3 == 0,
              .bias = random() % 2 == 0,
              .output = static_cast<Q8Output>(random() % 4)};
    c.x_zero = static_cast<int32_t>(random() % 256) - (c.x_signed ? 128 : 0);
    c.channels_first = random() % 3 == 0;
    if (random() % 4 == 0) {
      c.groups = pick({2, 4});
      c.in_channels = c.groups * pick({1, 3, 4});
      c.out_channels = c.groups * pick({1, 5, 8});
    }
    expect_exact(c, seed, random() % 5 == 0 ? 3 : 1);
  }
}

TEST(QuantisedProduct, DepthwiseIsExactForManyShapes) {
  std::mt19937 random(7);
  const auto pick = [&](std::initializer_list<size_t> values) { return values.begin()[random() % values.size()]; };
  for (uint32_t seed = 0; seed < 80; seed++) {
    const size_t kernel = pick({1, 2, 3, 3, 5}), channels = pick({2, 8, 15, 16, 17, 40, 64});
    Case c = {.window = image(pick({1, 2}), pick({7, 12}), pick({8, 13, 30}), kernel, pick({1, kernel}), pick({1, 2}),
                              pick({1, 1, 2}), kernel / 2, kernel / 2),
              .in_channels = channels,
              .out_channels = channels,
              .groups = channels,
              .x_signed = random() % 2 == 0,
              .w_signed = random() % 2 == 0,
              .x_zero = 0,
              .weight_zeros = random() % 3 == 0,
              .bias = random() % 2 == 0,
              .output = static_cast<Q8Output>(random() % 4)};
    c.window = image(c.window.batch, c.window.in[1], c.window.in[2], c.window.kernel[1], c.window.kernel[2],
                     c.window.stride[1], c.window.dilation[1], c.window.kernel[2] / 2, kernel / 2);
    c.x_zero = static_cast<int32_t>(random() % 256) - (c.x_signed ? 128 : 0);
    c.channels_first = random() % 3 == 0;
    expect_exact(c, seed, random() % 5 == 0 ? 2 : 1);
  }
}

// K beyond one piece of a weight source: as one long run, and as many short ones.
TEST(QuantisedProduct, IsExactForDeepSums) {
  const WindowGeometry rows = [] {
    WindowGeometry w;
    w.batch = 70;
    return w;
  }();
  for (size_t depth : {4080u, 4096u, 9001u, 12300u}) {
    for (bool zeros : {false, true}) {
      expect_exact({rows, depth, 20, 1, true, true, -3, zeros, true, Q8Output::kInt32}, 1);
      expect_exact({rows, depth, 5, 1, false, false, 131, zeros, false, Q8Output::kUint8}, 2);
    }
  }
  expect_exact({image(1, 6, 7, 3, 3, 1, 1, 1, 1), 520, 33, 1, false, true, 9, false, true, Q8Output::kInt32}, 3, 2);
}

TEST(QuantisedProduct, SaturatesNowhereInside) {
  // 255 * 127 twice is more than 16 bits hold: where pmaddubsw goes wrong.
  for (bool x_signed : {false, true}) {
    Case c = {image(1, 4, 4, 1, 1, 1, 1, 0, 0), 64, 16, 1, x_signed, true, 0, false, false, Q8Output::kInt32};
    const KernelTables tables = available_kernels();
    for (uint8_t weight : {uint8_t{0x7f}, uint8_t{0x80}}) {
      std::vector<uint8_t> x(16 * 64, x_signed ? 0x80 : 0xff), w(16 * 64, weight);
      const std::vector<int64_t> dims = {16, 64, 1, 1};
      const auto geometry = weight_geometry(WeightLayout::kInt8Panel16, WeightSourceOrder::kConvOIHW, dims);
      std::vector<uint8_t> packed(geometry->size_bytes);
      pack_weight(*geometry, w.data(), packed.data());
      for (size_t t = 0; t < tables.size; t++) {
        std::vector<int32_t> y(c.y_size());
        alignas(64) uint8_t scratch[256];
        KernelContext context{tables.data[t]};
        context.scratch = scratch;
        q8_conv({.window = c.window,
                 .in_channels = 64,
                 .out_channels = 16,
                 .x_signed = x_signed,
                 .x = x.data(),
                 .y = reinterpret_cast<uint8_t*>(y.data())},
                ResidentWeightSource(packed.data(), packed.size()), context);
        EXPECT_EQ(y, std::vector<int32_t>(c.y_size(), (x_signed ? -128 : 255) * static_cast<int8_t>(weight) * 64));
      }
    }
  }
}

}  // namespace
}  // namespace sealedge
