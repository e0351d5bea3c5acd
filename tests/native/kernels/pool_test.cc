#include "kernels/pool/pool.h"

#include "window_testing.h"

namespace sealedge::testing {
namespace {

// Positions of the window that lie in the input or its padding.
size_t padded_count(const WindowGeometry& w, size_t out_pixel) {
  const size_t o[3] = {out_pixel / w.out[2] / w.out[1], out_pixel / w.out[2] % w.out[1], out_pixel % w.out[2]};
  size_t count = 1;
  for (int d = 0; d < 3; d++) {
    size_t along = 0;
    for (size_t k = 0; k < w.kernel[d]; k++) {
      if (o[d] * w.stride[d] + k * w.dilation[d] < w.pad_begin[d] + w.in[d] + w.pad_end[d]) along++;
    }
    count *= along;
  }
  return count;
}

void check(const KernelTable& kernels, PoolKind kind, const WindowGeometry& w, size_t channels, bool count_include_pad,
           uint32_t seed, unsigned thread_count = 1) {
  Random random(seed);
  const Guarded<float> x(random.values(w.batch * w.in_pixels() * channels));
  std::vector<float> want(w.batch * w.out_pixels() * channels);
  for (size_t row = 0; row < w.batch * w.out_pixels(); row++) {
    for (size_t c = 0; c < channels; c++) {
      double sum = 0;
      float best = -std::numeric_limits<float>::infinity();
      size_t count = 0;
      for_each_tap(w, row % w.out_pixels(), [&](size_t, size_t pixel) {
        const float v = x.data()[(row / w.out_pixels() * w.in_pixels() + pixel) * channels + c];
        sum += v;
        best = std::max(best, v);
        count++;
      });
      const size_t divisor = count_include_pad ? padded_count(w, row % w.out_pixels()) : count;
      const double average = divisor == 0 ? 0.0 : sum / static_cast<double>(divisor);
      want[row * channels + c] = kind == PoolKind::kMax ? best : static_cast<float>(average);
    }
  }
  Guarded<float> y(want.size(), 1234.0f);
  KernelContext context = {.kernels = &kernels};
  if (thread_count > 1) context.parallel = threads(thread_count);
  f32_pool({.kind = kind,
            .window = w,
            .channels = channels,
            .count_include_pad = count_include_pad,
            .x = x.data(),
            .y = y.data()},
           context);
  const float tolerance = kind == PoolKind::kMax ? 0.0f : 2e-6f;
  expect_close(y.data(), want, tolerance, tolerance, std::string(kernels.isa) + " seed " + std::to_string(seed));
}

class F32Pool : public ::testing::TestWithParam<const KernelTable*> {};

TEST_P(F32Pool, RandomGeometries) {
  Random random(1);
  for (uint32_t i = 0; i < 100; i++) {
    WindowGeometry w = random_window(&random);
    // What ceil_mode does: one more window, sticking out past the padding.
    for (int d = 1; d < 3; d++) {
      if (random.below(3) == 0 && w.out[d] * w.stride[d] < w.in[d] + w.pad_begin[d]) w.out[d]++;
    }
    const size_t channels = 1 + random.below(80);
    check(*GetParam(), PoolKind::kMax, w, channels, false, 10 + i);
    check(*GetParam(), PoolKind::kAverage, w, channels, i % 2 == 0, 10 + i);
  }
}

TEST_P(F32Pool, GlobalOverManyRows) {
  WindowGeometry w;
  w.in[1] = w.kernel[1] = 150;  // more rows than a tile takes
  w.in[2] = w.kernel[2] = 3;
  check(*GetParam(), PoolKind::kMax, w, 70, false, 2);
  check(*GetParam(), PoolKind::kAverage, w, 70, false, 3);
}

TEST_P(F32Pool, Threads) {
  Random random(4);
  WindowGeometry w = random_window(&random);
  w.in[1] = 40;
  set_floor_output(&w);
  check(*GetParam(), PoolKind::kAverage, w, 33, true, 5, 3);
}

TEST_P(F32Pool, NaNWins) {
  WindowGeometry w;
  w.in[2] = w.kernel[2] = 3;
  for (size_t place = 0; place < 3; place++) {
    std::vector<float> x(3 * 20, 1.0f), y(20);
    x[place * 20 + 5] = std::numeric_limits<float>::quiet_NaN();
    x[place * 20 + 18] = std::numeric_limits<float>::quiet_NaN();
    for (PoolKind kind : {PoolKind::kMax, PoolKind::kAverage}) {
      f32_pool({.kind = kind, .window = w, .channels = 20, .x = x.data(), .y = y.data()}, {.kernels = GetParam()});
      for (size_t c = 0; c < 20; c++) EXPECT_EQ(std::isnan(y[c]), c == 5 || c == 18);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(EveryIsa, F32Pool, ::testing::ValuesIn(tables()),
                         [](const auto& info) { return std::string(info.param->isa); });

}  // namespace
}  // namespace sealedge::testing
