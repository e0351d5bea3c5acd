#include "kernels/depthwise/depthwise.h"

#include "core/weight_packing.h"
#include "window_testing.h"

namespace sealedge::testing {
namespace {

void check(const KernelTable& kernels, const WindowGeometry& w, size_t channels, uint32_t seed,
           unsigned thread_count = 1) {
  Random random(seed);
  const size_t taps = w.taps();
  const Guarded<float> x(random.values(w.batch * w.in_pixels() * channels));
  const std::vector<float> weight = random.values(channels * taps);
  const Guarded<float> scale(random.values(channels)), shift(random.values(channels));
  const Guarded<float> residual(random.values(w.batch * w.out_pixels() * channels));
  F32Epilogue e = {.scale = scale.data(), .shift = shift.data()};
  if (seed % 2 == 0) {
    e.residual = residual.data();
    e.residual_stride = channels;
    e.activation = F32Activation::kLeakyRelu;
    e.slope = 0.25f;
  } else {
    e.activation = F32Activation::kClamp;
    e.lo = 0.0f;
  }

  std::vector<float> want(residual.size());
  for (size_t row = 0; row < w.batch * w.out_pixels(); row++) {
    for (size_t c = 0; c < channels; c++) {
      double sum = 0;
      for_each_tap(w, row % w.out_pixels(), [&](size_t tap, size_t pixel) {
        sum += static_cast<double>(x.data()[(row / w.out_pixels() * w.in_pixels() + pixel) * channels + c]) *
               weight[c * taps + tap];
      });
      want[row * channels + c] = epilogue_plain(e, sum, row, c);
    }
  }

  const int64_t dims[] = {static_cast<int64_t>(channels), 1, static_cast<int64_t>(taps)};
  const auto geometry = weight_geometry(WeightLayout::kDepthwise16, WeightSourceOrder::kConvOIHW, dims);
  ASSERT_TRUE(geometry.ok());
  ASSERT_EQ(geometry->size_bytes, f32_depthwise_weight_bytes(w, channels));
  std::vector<float> packed(geometry->size_bytes / sizeof(float));
  pack_weight(*geometry, reinterpret_cast<const uint8_t*>(weight.data()), reinterpret_cast<uint8_t*>(packed.data()));

  Guarded<float> y(want.size(), 1234.0f);
  const F32DepthwiseParams params = {.window = w, .channels = channels, .x = x.data(), .y = y.data(), .epilogue = e};
  Scratch scratch(f32_depthwise_scratch_bytes(params, thread_count));
  const OnePieceWeightSource source(packed.data(), geometry->size_bytes, thread_count);
  KernelContext context = {.kernels = &kernels, .scratch = scratch.data()};
  if (thread_count > 1) context.parallel = threads(thread_count);
  f32_depthwise(params, source, context);
  expect_close(y.data(), want, 2e-6f * std::sqrt(static_cast<float>(taps)), 1e-5f,
               std::string(kernels.isa) + " seed " + std::to_string(seed));
  EXPECT_TRUE(source.all_released());
}

WindowGeometry square(size_t kernel, size_t stride, size_t pad, size_t height, size_t width) {
  WindowGeometry w;
  for (int d = 1; d < 3; d++) {
    w.kernel[d] = kernel;
    w.stride[d] = stride;
    w.pad_begin[d] = w.pad_end[d] = pad;
  }
  w.in[1] = height;
  w.in[2] = width;
  set_floor_output(&w);
  return w;
}

class F32Depthwise : public ::testing::TestWithParam<const KernelTable*> {};

TEST_P(F32Depthwise, ChannelsAroundTheVector) {
  uint32_t seed = 1;
  for (size_t channels : {1, 4, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 64}) {
    check(*GetParam(), square(3, 1, 1, 6, 15), channels, seed++);
    check(*GetParam(), square(3, 2, 1, 7, 22), channels, seed++);
    check(*GetParam(), square(5, 1, 2, 7, 17), channels, seed++);
    check(*GetParam(), square(4, 1, 0, 7, 13), channels, seed++);
  }
}

TEST_P(F32Depthwise, WidthsAroundTheTile) {
  uint32_t seed = 100;
  for (size_t width = 1; width < 24; width++) {
    check(*GetParam(), square(3, 1, 1, 3, width), 16, seed++);
    check(*GetParam(), square(3, 2, 1, 3, width), 12, seed++);
  }
}

TEST_P(F32Depthwise, WideDilations) {
  uint32_t seed = 250;
  for (size_t dilation : {2, 5, 9, 16, 30}) {
    for (size_t stride : {1, 2}) {
      WindowGeometry w = square(3, stride, dilation, 12, 23);
      w.dilation[1] = w.dilation[2] = dilation;
      set_floor_output(&w);
      check(*GetParam(), w, 20, seed++);
    }
  }
}

// Every form of the inner loop, and every number of pixels that its blocks leave over.
TEST_P(F32Depthwise, WideWindows) {
  uint32_t seed = 280;
  for (size_t kernel : {5, 6, 7, 9}) {
    for (size_t stride : {1, 2, 3}) {
      for (size_t width : {9, 17, 20, 31})
        check(*GetParam(), square(kernel, stride, kernel / 2, 11, width), 21, seed++);
    }
  }
}

// Pixels a dilation apart share a tile: each of these rows has some that are left over.
TEST_P(F32Depthwise, DilationsWithinARow) {
  uint32_t seed = 340;
  for (size_t kernel : {3, 4, 5, 7}) {
    for (size_t dilation : {2, 3, 4}) {
      for (size_t width : {37, 40, 42}) {
        WindowGeometry w = square(kernel, 1, kernel / 2 * dilation, 8, width);
        w.dilation[1] = w.dilation[2] = dilation;
        w.in[1] = w.in[2];
        set_floor_output(&w);
        check(*GetParam(), w, 20, seed++);
      }
    }
  }
}

TEST_P(F32Depthwise, SeveralPiecesOfWeights) {
  check(*GetParam(), square(5, 1, 2, 5, 9), 700, 200);
  WindowGeometry w;
  w.kernel[2] = 1000;
  w.in[2] = 1003;
  set_floor_output(&w);
  check(*GetParam(), w, 40, 201);
}

TEST_P(F32Depthwise, Threads) { check(*GetParam(), square(3, 1, 1, 20, 20), 40, 300, 3); }

TEST_P(F32Depthwise, RandomGeometries) {
  Random random(400);
  for (uint32_t i = 0; i < 80; i++) {
    const WindowGeometry w = random_window(&random);
    check(*GetParam(), w, 1 + random.below(40), 401 + i);
  }
}

INSTANTIATE_TEST_SUITE_P(EveryIsa, F32Depthwise, ::testing::ValuesIn(tables()),
                         [](const auto& info) { return std::string(info.param->isa); });

}  // namespace
}  // namespace sealedge::testing
