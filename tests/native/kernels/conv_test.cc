#include "kernels/conv/conv.h"

#include "core/weight_packing.h"
#include "kernel_testing.h"

namespace sealedge::testing {
namespace {

struct Case {
  size_t batch, in_channels, out_channels, groups;
  size_t in[3], kernel[3], stride[3], dilation[3], pad_begin[3], pad_end[3];
  bool channels_first = false;
  bool residual = false;
  unsigned thread_count = 1;
};

WindowGeometry window_of(const Case& c) {
  WindowGeometry w;
  w.batch = c.batch;
  for (int d = 0; d < 3; d++) {
    w.in[d] = c.in[d];
    w.kernel[d] = c.kernel[d];
    w.stride[d] = c.stride[d];
    w.dilation[d] = c.dilation[d];
    w.pad_begin[d] = c.pad_begin[d];
    w.pad_end[d] = c.pad_end[d];
    w.out[d] = (c.in[d] + c.pad_begin[d] + c.pad_end[d] - (c.kernel[d] - 1) * c.dilation[d] - 1) / c.stride[d] + 1;
  }
  return w;
}

// Row-major weights (O, I/groups, taps); x and y as the case says.
std::vector<float> reference(const Case& c, const WindowGeometry& w, const float* x, const std::vector<float>& weight,
                             const F32Epilogue& e) {
  const size_t group_in = c.in_channels / c.groups, group_out = c.out_channels / c.groups, taps = w.taps();
  std::vector<float> y(w.batch * w.out_pixels() * c.out_channels);
  size_t row = 0;
  for (size_t n = 0; n < w.batch; n++) {
    for (size_t pixel = 0; pixel < w.out_pixels(); pixel++, row++) {
      const size_t o3[3] = {pixel / w.out[2] / w.out[1], pixel / w.out[2] % w.out[1], pixel % w.out[2]};
      for (size_t o = 0; o < c.out_channels; o++) {
        double sum = 0;
        for (size_t tap = 0; tap < taps; tap++) {
          const size_t k3[3] = {tap / w.kernel[2] / w.kernel[1], tap / w.kernel[2] % w.kernel[1], tap % w.kernel[2]};
          size_t in_pixel = 0;
          bool inside = true;
          for (int d = 0; d < 3; d++) {
            const auto at = static_cast<ptrdiff_t>(o3[d] * w.stride[d] + k3[d] * w.dilation[d]) -
                            static_cast<ptrdiff_t>(w.pad_begin[d]);
            inside = inside && at >= 0 && at < static_cast<ptrdiff_t>(w.in[d]);
            in_pixel = in_pixel * w.in[d] + static_cast<size_t>(at);
          }
          if (!inside) continue;
          for (size_t i = 0; i < group_in; i++) {
            const size_t channel = o / group_out * group_in + i;
            const size_t at = c.channels_first ? (n * c.in_channels + channel) * w.in_pixels() + in_pixel
                                               : (n * w.in_pixels() + in_pixel) * c.in_channels + channel;
            sum += static_cast<double>(x[at]) * weight[(o * group_in + i) * taps + tap];
          }
        }
        y[row * c.out_channels + o] = epilogue_plain(e, sum, row, o);
      }
    }
  }
  return y;
}

void check(const KernelTable& kernels, const Case& c, uint32_t seed) {
  Random random(seed);
  const WindowGeometry w = window_of(c);
  const size_t group_in = c.in_channels / c.groups;
  const Guarded<float> x(random.values(c.batch * w.in_pixels() * c.in_channels));
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

  const int64_t dims[] = {static_cast<int64_t>(c.out_channels), static_cast<int64_t>(group_in),
                          static_cast<int64_t>(w.kernel[0]), static_cast<int64_t>(w.kernel[1]),
                          static_cast<int64_t>(w.kernel[2])};
  const auto geometry = weight_geometry(WeightLayout::kPanel16, WeightSourceOrder::kConvOIHW, dims);
  ASSERT_TRUE(geometry.ok());
  ASSERT_EQ(geometry->size_bytes, f32_conv_weight_bytes(w, c.in_channels, c.out_channels, c.groups));
  std::vector<float> packed(geometry->size_bytes / sizeof(float));
  pack_weight(*geometry, weight.data(), packed.data());

  Guarded<float> y(residual.size(), 1234.0f);
  F32ConvParams params = {.window = w,
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
  expect_close(y.data(), reference(c, w, x.data(), weight, e),
               2e-6f * std::sqrt(static_cast<float>(w.taps() * group_in)), 1e-5f,
               std::string(kernels.isa) + " seed " + std::to_string(seed));
  EXPECT_TRUE(source.all_released());
}

class F32Conv : public ::testing::TestWithParam<const KernelTable*> {};

TEST_P(F32Conv, PointwiseNeedsNoCopy) {
  check(*GetParam(), {1, 8, 16, 1, {1, 5, 7}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {}, {}}, 1);
  check(*GetParam(), {2, 33, 19, 1, {1, 5, 7}, {1, 1, 1}, {1, 2, 2}, {1, 1, 1}, {}, {}, false, true}, 2);
  const WindowGeometry w = window_of({1, 8, 16, 1, {1, 5, 7}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {}, {}});
  EXPECT_LE(f32_conv_scratch_bytes({.window = w, .in_channels = 8, .out_channels = 16, .x = nullptr, .y = nullptr}),
            64u);
}

TEST_P(F32Conv, PaddedImages) {
  check(*GetParam(), {1, 16, 16, 1, {1, 9, 11}, {1, 3, 3}, {1, 1, 1}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1}}, 3);
  check(*GetParam(), {2, 5, 37, 1, {1, 9, 11}, {1, 3, 3}, {1, 2, 2}, {1, 1, 1}, {0, 1, 0}, {0, 0, 1}, false, true}, 4);
  check(*GetParam(), {1, 3, 8, 1, {1, 12, 40}, {1, 5, 5}, {1, 2, 1}, {1, 1, 1}, {0, 2, 2}, {0, 2, 2}}, 5);
  check(*GetParam(), {1, 3, 5, 1, {1, 2, 2}, {1, 3, 3}, {1, 1, 1}, {1, 1, 1}, {0, 4, 4}, {0, 4, 4}}, 6);
}

TEST_P(F32Conv, ChannelsFirstInput) {
  for (size_t channels : {1, 2, 3, 4, 8, 11}) {
    check(*GetParam(), {2, channels, 9, 1, {1, 8, 21}, {1, 3, 3}, {1, 2, 2}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1}, true}, 7);
    check(*GetParam(), {1, channels, 9, 1, {1, 1, 30}, {1, 1, 5}, {1, 1, 3}, {1, 1, 1}, {}, {}, true}, 8);
  }
}

TEST_P(F32Conv, Dilated) {
  check(*GetParam(), {1, 6, 18, 1, {1, 12, 13}, {1, 3, 3}, {1, 1, 1}, {1, 2, 3}, {0, 2, 3}, {0, 2, 3}}, 9);
  check(*GetParam(), {1, 6, 18, 1, {1, 12, 13}, {1, 3, 3}, {1, 2, 1}, {1, 3, 1}, {0, 3, 1}, {0, 3, 1}}, 10);
}

TEST_P(F32Conv, OneAndThreeDimensions) {
  check(*GetParam(), {1, 1, 16, 1, {1, 1, 100}, {1, 1, 16}, {1, 1, 4}, {1, 1, 1}, {0, 0, 6}, {0, 0, 6}}, 11);
  check(*GetParam(), {2, 12, 20, 1, {1, 1, 50}, {1, 1, 3}, {1, 1, 2}, {1, 1, 2}, {0, 0, 2}, {0, 0, 2}}, 12);
  check(*GetParam(), {2, 3, 20, 1, {4, 5, 6}, {2, 3, 3}, {1, 2, 1}, {2, 1, 1}, {1, 1, 1}, {1, 0, 1}, false, true}, 13);
}

TEST_P(F32Conv, Groups) {
  check(*GetParam(), {1, 32, 64, 2, {1, 6, 6}, {1, 3, 3}, {1, 1, 1}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1}}, 14);
  check(*GetParam(), {1, 12, 18, 3, {1, 6, 6}, {1, 3, 3}, {1, 1, 1}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1}, false, true}, 15);
  check(*GetParam(), {1, 5, 10, 5, {1, 6, 6}, {1, 3, 3}, {1, 1, 1}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1}, true}, 16);
  check(*GetParam(), {1, 20, 20, 20, {1, 4, 4}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {}, {}}, 17);
}

TEST_P(F32Conv, DeepInput) {
  check(*GetParam(), {1, 130, 20, 1, {1, 4, 5}, {1, 3, 3}, {1, 1, 1}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1}, false, true},
        18);
  check(*GetParam(), {1, 1100, 20, 1, {1, 2, 3}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {}, {}, false, true}, 19);
  check(*GetParam(), {1, 1, 3, 1, {1, 1, 2500}, {1, 1, 2100}, {1, 1, 7}, {1, 1, 1}, {}, {}}, 20);
}

TEST_P(F32Conv, Threads) {
  check(*GetParam(), {1, 16, 16, 1, {1, 20, 20}, {1, 3, 3}, {1, 1, 1}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1}, false, true, 3},
        21);
  check(*GetParam(), {1, 16, 90, 1, {1, 3, 3}, {1, 3, 3}, {1, 1, 1}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1}, true, true, 4},
        22);
}

// The memory of the padding is zero, not "multiplied by zero": no NaN from outside the image.
TEST_P(F32Conv, RandomGeometries) {
  Random random(23);
  for (uint32_t i = 0; i < 60; i++) {
    Case c = {};
    c.batch = 1 + random.below(2);
    c.groups = random.below(4) == 0 ? 2 : 1;
    c.in_channels = c.groups * (1 + random.below(9));
    c.out_channels = c.groups * (1 + random.below(20));
    c.channels_first = random.below(3) == 0;
    c.residual = random.below(2) == 0;
    for (int d = 0; d < 3; d++) {
      const bool used = d > 0 || random.below(4) == 0;
      c.kernel[d] = used ? 1 + random.below(4) : 1;
      c.stride[d] = used ? 1 + random.below(3) : 1;
      c.dilation[d] = used ? 1 + random.below(3) : 1;
      c.pad_begin[d] = used ? random.below(3) : 0;
      c.pad_end[d] = used ? random.below(3) : 0;
      c.in[d] = used ? (c.kernel[d] - 1) * c.dilation[d] + 1 + random.below(9) : 1;
    }
    check(*GetParam(), c, 100 + i);
  }
}

INSTANTIATE_TEST_SUITE_P(EveryIsa, F32Conv, ::testing::ValuesIn(tables()),
                         [](const auto& info) { return std::string(info.param->isa); });

}  // namespace
}  // namespace sealedge::testing
