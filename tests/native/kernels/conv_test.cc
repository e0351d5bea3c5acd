#include "kernels/conv/conv.h"

#include "core/weight_packing.h"
#include "kernels/conv/conv_regions.h"
#include "window_testing.h"

namespace sealedge::testing {
namespace {

struct Case {
  WindowGeometry window;
  size_t in_channels, out_channels;
  size_t groups = 1;
  bool channels_first = false;
  bool residual = false;
  unsigned thread_count = 1;
};

WindowGeometry window(size_t batch, std::array<size_t, 3> in, std::array<size_t, 3> kernel,
                      std::array<size_t, 3> stride = {1, 1, 1}, std::array<size_t, 3> pad = {},
                      std::array<size_t, 3> dilation = {1, 1, 1}) {
  WindowGeometry w;
  w.batch = batch;
  for (int d = 0; d < 3; d++) {
    w.in[d] = in[d];
    w.kernel[d] = kernel[d];
    w.stride[d] = stride[d];
    w.dilation[d] = dilation[d];
    w.pad_begin[d] = w.pad_end[d] = pad[d];
  }
  set_floor_output(&w);
  return w;
}

// Weights row-major (O, I / groups, taps); X as the case says; Y channels-last.
std::vector<float> reference(const Case& c, const float* x, const std::vector<float>& weight, const F32Epilogue& e) {
  const WindowGeometry& w = c.window;
  const size_t group_in = c.in_channels / c.groups, group_out = c.out_channels / c.groups;
  std::vector<float> y(w.batch * w.out_pixels() * c.out_channels);
  for (size_t row = 0; row < w.batch * w.out_pixels(); row++) {
    const size_t n = row / w.out_pixels();
    for (size_t o = 0; o < c.out_channels; o++) {
      double sum = 0;
      for_each_tap(w, row % w.out_pixels(), [&](size_t tap, size_t pixel) {
        for (size_t i = 0; i < group_in; i++) {
          const size_t channel = o / group_out * group_in + i;
          const size_t at = c.channels_first ? (n * c.in_channels + channel) * w.in_pixels() + pixel
                                             : (n * w.in_pixels() + pixel) * c.in_channels + channel;
          sum += static_cast<double>(x[at]) * weight[(o * group_in + i) * w.taps() + tap];
        }
      });
      y[row * c.out_channels + o] = epilogue_plain(e, sum, row, o);
    }
  }
  return y;
}

void check(const KernelTable& kernels, const Case& c, uint32_t seed) {
  Random random(seed);
  const WindowGeometry& w = c.window;
  const size_t group_in = c.in_channels / c.groups;
  const Guarded<float> x(random.values(w.batch * w.in_pixels() * c.in_channels));
  const std::vector<float> weight = random.values(c.out_channels * group_in * w.taps());
  const Guarded<float> shift(random.values(c.out_channels));
  const Guarded<float> residual(random.values(w.batch * w.out_pixels() * c.out_channels));
  F32Epilogue e;
  e.shift = shift.data();
  e.activation = F32Activation::kClamp;
  e.lo = -0.5f;
  if (c.residual) {
    e.residual = residual.data();
    e.residual_stride = c.out_channels;
  }

  const auto size = [](size_t v) { return static_cast<int64_t>(v); };
  const int64_t dims[] = {size(c.out_channels), size(group_in), size(w.kernel[0]), size(w.kernel[1]),
                          size(w.kernel[2])};
  const auto geometry = weight_geometry(WeightLayout::kPanel16, WeightSourceOrder::kConvOIHW, dims);
  ASSERT_TRUE(geometry.ok());
  ASSERT_EQ(geometry->size_bytes, f32_conv_weight_bytes(w, c.in_channels, c.out_channels, c.groups));
  std::vector<float> packed(geometry->size_bytes / sizeof(float));
  pack_weight(*geometry, reinterpret_cast<const uint8_t*>(weight.data()), reinterpret_cast<uint8_t*>(packed.data()));

  Guarded<float> y(residual.size(), 1234.0f);
  const F32ConvParams params = {.window = w,
                                .in_channels = c.in_channels,
                                .out_channels = c.out_channels,
                                .groups = c.groups,
                                .x = x.data(),
                                .x_channels_first = c.channels_first,
                                .y = y.data(),
                                .epilogue = e};
  Scratch scratch(f32_conv_scratch_bytes(params));
  const OnePieceWeightSource source(packed.data(), geometry->size_bytes, c.thread_count);
  KernelContext context = {.kernels = &kernels, .scratch = scratch.data()};
  if (c.thread_count > 1) context.parallel = threads(c.thread_count);
  f32_conv(params, source, context);
  const float depth = static_cast<float>(w.taps() * group_in);
  expect_close(y.data(), reference(c, x.data(), weight, e), 2e-6f * std::sqrt(depth), 1e-5f,
               std::string(kernels.isa) + " seed " + std::to_string(seed));
  EXPECT_TRUE(source.all_released());
}

class F32Conv : public ::testing::TestWithParam<const KernelTable*> {};

TEST_P(F32Conv, PointwiseNeedsNoCopy) {
  const WindowGeometry w = window(1, {1, 5, 7}, {1, 1, 1});
  check(*GetParam(), {w, 8, 16}, 1);
  check(*GetParam(), {window(2, {1, 5, 7}, {1, 1, 1}, {1, 2, 2}), 33, 19, 1, false, true}, 2);
  EXPECT_LE(f32_conv_scratch_bytes({.window = w, .in_channels = 8, .out_channels = 16, .x = nullptr, .y = nullptr}),
            64u);
}

TEST_P(F32Conv, PaddedImages) {
  check(*GetParam(), {window(1, {1, 9, 11}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}), 16, 16}, 3);
  check(*GetParam(), {window(2, {1, 9, 11}, {1, 3, 3}, {1, 2, 2}, {0, 1, 1}), 5, 37, 1, false, true}, 4);
  check(*GetParam(), {window(1, {1, 12, 40}, {1, 5, 5}, {1, 2, 1}, {0, 2, 2}), 3, 8}, 5);
}

TEST_P(F32Conv, MorePaddingThanInput) {
  check(*GetParam(), {window(1, {1, 2, 2}, {1, 3, 3}, {1, 1, 1}, {0, 4, 4}), 3, 5}, 6);
}

TEST_P(F32Conv, ChannelsFirstInput) {
  for (size_t channels : {1, 2, 3, 4, 8, 11}) {
    check(*GetParam(), {window(2, {1, 8, 21}, {1, 3, 3}, {1, 2, 2}, {0, 1, 1}), channels, 9, 1, true}, 7);
    check(*GetParam(), {window(1, {1, 1, 30}, {1, 1, 5}, {1, 1, 3}), channels, 9, 1, true}, 8);
  }
}

TEST_P(F32Conv, Dilated) {
  check(*GetParam(), {window(1, {1, 12, 13}, {1, 3, 3}, {1, 1, 1}, {0, 2, 3}, {1, 2, 3}), 6, 18}, 9);
  check(*GetParam(), {window(1, {1, 12, 13}, {1, 3, 3}, {1, 2, 1}, {0, 3, 1}, {1, 3, 1}), 6, 18}, 10);
}

bool goes_by_regions(const Case& c) {
  return f32_conv_regions_pay({.window = c.window,
                               .in_channels = c.in_channels,
                               .out_channels = c.out_channels,
                               .groups = c.groups,
                               .x = nullptr,
                               .y = nullptr});
}

// Dilations as wide as the image, as an atrous pyramid has them.
TEST_P(F32Conv, ByRegions) {
  const Case cases[] = {
      {window(1, {1, 28, 28}, {1, 3, 3}, {1, 1, 1}, {0, 12, 12}, {1, 12, 12}), 7, 18},
      {window(2, {1, 28, 28}, {1, 3, 3}, {1, 1, 1}, {0, 24, 24}, {1, 24, 24}), 9, 33, 1, false, true},
      {window(1, {1, 28, 28}, {1, 3, 3}, {1, 1, 1}, {0, 36, 36}, {1, 36, 36}), 16, 8, 1, true},
      {window(1, {1, 20, 30}, {1, 3, 3}, {1, 2, 1}, {0, 12, 18}, {1, 12, 18}), 6, 20, 2, true, true},
      {window(1, {1, 1, 40}, {1, 1, 3}, {1, 1, 1}, {0, 0, 32}, {1, 1, 32}), 5, 17, 1, false, true},
      {window(1, {1, 30, 20}, {1, 5, 1}, {1, 1, 1}, {0, 28, 0}, {1, 14, 1}), 300, 17},
      {window(1, {14, 6, 20}, {3, 1, 3}, {1, 1, 1}, {12, 0, 9}, {12, 1, 9}), 4, 5, 1, false, true},
      {window(1, {1, 24, 24}, {1, 3, 3}, {1, 1, 1}, {0, 16, 16}, {1, 16, 16}), 130, 20, 1, true, true, 3},
      {window(1, {1, 2, 60}, {1, 1, 3}, {1, 1, 1}, {0, 3, 40}, {1, 1, 40}), 3, 5},  // rows of padding alone
      {window(1, {1, 40, 1}, {1, 3, 3}, {1, 1, 1}, {0, 20, 1}, {1, 20, 1}), 11, 21, 1, false, true},
  };
  uint32_t seed = 500;
  for (const Case& c : cases) {
    EXPECT_TRUE(goes_by_regions(c)) << seed;
    check(*GetParam(), c, seed++);
  }
}

TEST_P(F32Conv, OrdinaryPaddingIsCopied) {
  for (size_t size : {2, 3, 7, 14, 56}) {
    EXPECT_FALSE(goes_by_regions({window(1, {1, size, size}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}), 8, 8})) << size;
  }
}

TEST_P(F32Conv, RandomDilations) {
  Random random(24);
  size_t by_regions = 0;
  for (uint32_t i = 0; i < 80; i++) {
    Case c = {.window = random_window(&random), .in_channels = 0, .out_channels = 0};
    for (int d = 1; d < 3; d++) {
      c.window.dilation[d] = 1 + random.below(20);
      c.window.in[d] = 1 + random.below(30);
      const size_t span = (c.window.kernel[d] - 1) * c.window.dilation[d];
      c.window.pad_begin[d] = random.below(span + 2);
      c.window.pad_end[d] = span + 2 - random.below(3);
    }
    set_floor_output(&c.window);
    c.groups = random.below(4) == 0 ? 2 : 1;
    c.in_channels = c.groups * (1 + random.below(9));
    c.out_channels = c.groups * (1 + random.below(20));
    c.channels_first = random.below(3) == 0;
    c.residual = random.below(2) == 0;
    by_regions += goes_by_regions(c) ? 1 : 0;
    check(*GetParam(), c, 600 + i);
  }
  EXPECT_GT(by_regions, 20U);
}

TEST_P(F32Conv, OneAndThreeDimensions) {
  check(*GetParam(), {window(1, {1, 1, 100}, {1, 1, 16}, {1, 1, 4}, {0, 0, 6}), 1, 16}, 11);
  check(*GetParam(), {window(2, {1, 1, 50}, {1, 1, 3}, {1, 1, 2}, {0, 0, 2}, {1, 1, 2}), 12, 20}, 12);
  check(*GetParam(), {window(2, {4, 5, 6}, {2, 3, 3}, {1, 2, 1}, {1, 1, 1}, {2, 1, 1}), 3, 20, 1, false, true}, 13);
}

TEST_P(F32Conv, Groups) {
  const WindowGeometry w = window(1, {1, 6, 6}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1});
  check(*GetParam(), {w, 32, 64, 2}, 14);
  check(*GetParam(), {w, 12, 18, 3, false, true}, 15);
  check(*GetParam(), {w, 5, 10, 5, true}, 16);
  check(*GetParam(), {window(1, {1, 4, 4}, {1, 1, 1}), 20, 20, 20}, 17);
}

TEST_P(F32Conv, WeightsOfSeveralPieces) {
  check(*GetParam(), {window(1, {1, 4, 5}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}), 130, 20, 1, false, true}, 18);
  check(*GetParam(), {window(1, {1, 2, 3}, {1, 1, 1}), 1100, 20, 1, false, true}, 19);
  check(*GetParam(), {window(1, {1, 1, 2500}, {1, 1, 2100}, {1, 1, 7}), 1, 3}, 20);
}

TEST_P(F32Conv, Threads) {
  check(*GetParam(), {window(1, {1, 20, 20}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}), 16, 16, 1, false, true, 3}, 21);
  check(*GetParam(), {window(1, {1, 3, 3}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}), 16, 90, 1, true, true, 4}, 22);
}

TEST_P(F32Conv, RandomGeometries) {
  Random random(23);
  for (uint32_t i = 0; i < 80; i++) {
    Case c = {.window = random_window(&random), .in_channels = 0, .out_channels = 0};
    c.groups = random.below(4) == 0 ? 2 : 1;
    c.in_channels = c.groups * (1 + random.below(9));
    c.out_channels = c.groups * (1 + random.below(20));
    c.channels_first = random.below(3) == 0;
    c.residual = random.below(2) == 0;
    check(*GetParam(), c, 100 + i);
  }
}

INSTANTIATE_TEST_SUITE_P(EveryIsa, F32Conv, ::testing::ValuesIn(tables()),
                         [](const auto& info) { return std::string(info.param->isa); });

}  // namespace
}  // namespace sealedge::testing
