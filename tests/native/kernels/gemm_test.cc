#include "kernels/gemm/gemm.h"

#include "core/weight_packing.h"
#include "kernel_testing.h"

namespace sealedge::testing {
namespace {

enum class Ends { kNone, kBias, kAll, kLeaky };

struct Case {
  size_t m, n, k;
  Ends ends = Ends::kBias;
  size_t extra_stride = 0;  // of A, C and the residual
  unsigned thread_count = 1;
};

std::vector<float> packed_weight(const std::vector<float>& b, size_t k, size_t n) {
  std::vector<float> packed(f32_panel16_bytes(k, n) / sizeof(float), std::numeric_limits<float>::quiet_NaN());
  f32_pack_panel16(b.data(), k, n, n, 1, packed.data());
  return packed;
}

void check(const KernelTable& kernels, const Case& c, uint32_t seed) {
  Random random(seed);
  const size_t lda = c.k + c.extra_stride, ldc = c.n + c.extra_stride;
  const std::vector<float> b = random.values(c.k * c.n);
  const Guarded<float> a(random.values(c.m == 0 ? 0 : (c.m - 1) * lda + c.k));
  const Guarded<float> scale(random.values(c.n)), shift(random.values(c.n));
  const Guarded<float> residual(random.values(c.m == 0 ? 0 : (c.m - 1) * ldc + c.n));
  Guarded<float> y(c.m == 0 ? 0 : (c.m - 1) * ldc + c.n, 1234.0f);

  F32Epilogue e;
  if (c.ends != Ends::kNone) e.shift = shift.data();
  if (c.ends == Ends::kAll || c.ends == Ends::kLeaky) {
    e.scale = scale.data();
    e.residual = residual.data();
    e.residual_stride = ldc;
  }
  if (c.ends == Ends::kAll) e.activation = F32Activation::kClamp, e.lo = 0.0f, e.hi = 1.5f;
  if (c.ends == Ends::kLeaky) e.activation = F32Activation::kLeakyRelu, e.slope = 0.1f;

  std::vector<float> want(y.size(), 1234.0f);
  for (size_t i = 0; i < c.m; i++) {
    for (size_t j = 0; j < c.n; j++) {
      double sum = 0;
      for (size_t k = 0; k < c.k; k++) sum += static_cast<double>(a.data()[i * lda + k]) * b[k * c.n + j];
      want[i * ldc + j] = epilogue_plain(e, sum, i, j);
    }
  }

  const std::vector<float> packed = packed_weight(b, c.k, c.n);
  const OnePieceWeightSource source(packed.data(), packed.size() * sizeof(float), c.thread_count);
  KernelContext context = {.kernels = &kernels};
  if (c.thread_count > 1) context.parallel = threads(c.thread_count);
  f32_gemm(
      {.m = c.m, .n = c.n, .k = c.k, .a = a.data(), .a_stride = lda, .c = y.data(), .c_stride = ldc, .epilogue = e},
      source, context);

  // Sums of k products of values up to 1, in float: k * 2^-24 * sqrt(k) at the very worst, far less in practice.
  const std::string what = std::string(kernels.isa) + " m=" + std::to_string(c.m) + " n=" + std::to_string(c.n) +
                           " k=" + std::to_string(c.k);
  expect_close(y.data(), want, 2e-6f * std::sqrt(static_cast<float>(c.k) + 1.0f), 1e-5f, what);
  EXPECT_TRUE(source.all_released()) << what;
}

class F32Gemm : public ::testing::TestWithParam<const KernelTable*> {};

TEST_P(F32Gemm, TileMultiplesBelowAndAbove) {
  uint32_t seed = 1;
  for (size_t m : {1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 14, 15, 28, 29, 43}) {
    for (size_t n : {1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 40}) {
      for (size_t k : {1, 2, 5, 8, 33}) check(*GetParam(), {m, n, k}, seed++);
    }
  }
}

TEST_P(F32Gemm, EveryEpilogue) {
  for (Ends ends : {Ends::kNone, Ends::kBias, Ends::kAll, Ends::kLeaky}) {
    check(*GetParam(), {17, 21, 30, ends, 3}, 7);
    check(*GetParam(), {2, 5, 30, ends, 3}, 8);
    check(*GetParam(), {3, 5, 1500, ends, 3}, 9);
  }
}

TEST_P(F32Gemm, DepthOfSeveralPieces) {
  for (size_t k : {1023, 1024, 1025, 2048, 3000}) {
    check(*GetParam(), {1, 33, k, Ends::kAll}, 10);
    check(*GetParam(), {15, 33, k, Ends::kAll, 1}, 11);
  }
}

// Rows that fall into one set of L1 go in flatter tiles.
TEST_P(F32Gemm, RowsFourKibibytesApart) {
  for (size_t m : {2, 7, 8, 13, 14, 15, 29}) {
    check(*GetParam(), {m, 33, 1024, Ends::kAll}, 19);
    check(*GetParam(), {m, 7, 2040, Ends::kAll, 8}, 20);
  }
}

TEST_P(F32Gemm, NothingToMultiply) {
  check(*GetParam(), {0, 5, 5}, 12);
  check(*GetParam(), {5, 0, 5}, 13);
  check(*GetParam(), {5, 20, 0, Ends::kAll}, 14);
}

TEST_P(F32Gemm, Threads) {
  check(*GetParam(), {200, 24, 40, Ends::kAll, 0, 3}, 15);
  check(*GetParam(), {5, 100, 40, Ends::kAll, 0, 3}, 16);
  check(*GetParam(), {1, 1000, 1100, Ends::kAll, 0, 4}, 17);
}

TEST_P(F32Gemm, FetchesEveryPanelOnce) {
  const size_t m = 500, n = 64, k = 1000;
  Random random(18);
  const std::vector<float> a = random.values(m * k), b = packed_weight(random.values(k * n), k, n);
  std::vector<float> y(m * n);
  const OnePieceWeightSource source(b.data(), b.size() * sizeof(float));
  f32_gemm({.m = m, .n = n, .k = k, .a = a.data(), .a_stride = k, .c = y.data(), .c_stride = n}, source,
           {.kernels = GetParam()});
  EXPECT_EQ(source.fetched(), 4u);
}

TEST_P(F32Gemm, InfinityAndNaNStayInTheirRow) {
  const size_t m = 15, n = 20, k = 9;
  const float infinity = std::numeric_limits<float>::infinity();
  std::vector<float> a(m * k, 1.0f), b(k * n, 1.0f), y(m * n);
  a[3 * k + 2] = std::numeric_limits<float>::quiet_NaN();
  a[4 * k] = infinity;
  a[5 * k] = -infinity;
  const std::vector<float> packed = packed_weight(b, k, n);
  const ResidentWeightSource source(reinterpret_cast<const uint8_t*>(packed.data()), packed.size() * sizeof(float));
  F32Epilogue e;
  e.activation = F32Activation::kClamp;
  e.lo = 0.0f;
  f32_gemm({.m = m, .n = n, .k = k, .a = a.data(), .a_stride = k, .c = y.data(), .c_stride = n, .epilogue = e}, source,
           {.kernels = GetParam()});
  for (size_t i = 0; i < m; i++) {
    for (size_t j = 0; j < n; j++) {
      const float v = y[i * n + j];
      if (i == 3) {
        EXPECT_TRUE(std::isnan(v));
      } else {
        EXPECT_EQ(v, i == 4 ? infinity : i == 5 ? 0.0f : 9.0f);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(EveryIsa, F32Gemm, ::testing::ValuesIn(tables()),
                         [](const auto& info) { return std::string(info.param->isa); });

// The packing that containers and loading use is the one that kernels read.
TEST(PackPanel16, AgreesWithWeightPacking) {
  const size_t k = 37, n = 35;
  Random random(19);
  const std::vector<float> b = random.values(k * n);
  const int64_t dims[] = {static_cast<int64_t>(k), static_cast<int64_t>(n)};
  const auto geometry = weight_geometry(WeightLayout::kPanel16, WeightSourceOrder::kGemmKN, dims);
  ASSERT_TRUE(geometry.ok());
  ASSERT_EQ(geometry->size_bytes, f32_panel16_bytes(k, n));
  std::vector<float> packed(geometry->size_bytes / sizeof(float));
  pack_weight(*geometry, reinterpret_cast<const uint8_t*>(b.data()), reinterpret_cast<uint8_t*>(packed.data()));
  EXPECT_EQ(packed, packed_weight(b, k, n));
}

}  // namespace
}  // namespace sealedge::testing
