// Fourier transforms against the sum that defines them; windows and mel filters against their formulas.
#include "graph/ops/feature/signal.h"

#include <cmath>
#include <complex>

#include "typed_ops.h"

namespace sealedge::testing {
namespace {

using Complex = std::complex<double>;

Complex bin(const std::vector<Complex>& x, int64_t k, bool inverse) {
  Complex sum = 0;
  const auto n = static_cast<double>(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    const double angle = (inverse ? 2 : -2) * M_PI * static_cast<double>(i) * static_cast<double>(k) / n;
    sum += x[i] * std::polar(1.0, angle);
  }
  return inverse ? sum / n : sum;
}

TEST(DftTest, IsTheSumOfTheDefinition) {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    RandomCase random(seed);
    const int64_t components = random.between(1, 2), length = random.between(1, 40);
    const Dims dims = {random.between(1, 2), random.between(1, 33), random.between(1, 3), components};
    const bool onesided = components == 1 && random.between(0, 1) == 1, inverse = !onesided && seed % 2 == 0;
    const std::vector<float> x = random.floats(static_cast<size_t>(element_count(dims)));
    const auto got = typed_ok(make_dft(1, inverse, onesided),
                              {typed<double, float>(dims, x), scalar_of(length), scalar_of(int64_t{-3})})[0];
    const Dims out = {dims[0], onesided ? length / 2 + 1 : length, dims[2], 2};
    ASSERT_EQ(got.dims, out);
    const std::vector<double> y = got.values<double>();
    for_each_index({dims[0], dims[2]}, [&](const Dims& at) {
      std::vector<Complex> lane(static_cast<size_t>(length));  // cut, or filled with zeros
      for (int64_t i = 0; i < std::min(length, dims[1]); ++i) {
        const size_t place = flat_index(dims, {at[0], i, at[1], 0});
        lane[static_cast<size_t>(i)] = {x[place], components == 2 ? x[place + 1] : 0.0};
      }
      for (int64_t k = 0; k < out[1]; ++k) {
        const Complex want = bin(lane, k, inverse);
        const size_t place = flat_index(out, {at[0], k, at[1], 0});
        EXPECT_NEAR(y[place], want.real(), 1e-9) << "length " << length;
        EXPECT_NEAR(y[place + 1], want.imag(), 1e-9);
      }
    });
  }
}

// onesided back to a signal: the spectrum's other half is the mirror of the first.
TEST(DftTest, MirrorsHalfASpectrum) {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    RandomCase random(seed);
    const Dims dims = {random.between(1, 2), random.between(2, 17), random.between(1, 3), 2};
    const bool given = random.between(0, 1) == 1;
    const int64_t length = given ? random.between(1, 40) : 2 * (dims[1] - 1);
    const std::vector<float> x = random.floats(static_cast<size_t>(element_count(dims)));
    const auto got =
        typed_ok(make_dft(1, true, true), {typed<double, float>(dims, x), given ? scalar_of(length) : omitted()})[0];
    const Dims out = {dims[0], length, dims[2], 1};
    ASSERT_EQ(got.dims, out);
    for_each_index({dims[0], dims[2]}, [&](const Dims& at) {
      std::vector<Complex> lane(static_cast<size_t>(length));
      for (int64_t k = 0; k <= length / 2 && k < dims[1]; ++k) {
        const size_t place = flat_index(dims, {at[0], k, at[1], 0});
        const bool alone = k == 0 || 2 * k == length;
        lane[static_cast<size_t>(k)] = {x[place], alone ? 0.0 : x[place + 1]};
        if (!alone) lane[static_cast<size_t>(length - k)] = std::conj(lane[static_cast<size_t>(k)]);
      }
      for (int64_t i = 0; i < length; ++i) {
        EXPECT_NEAR(got.values<double>()[flat_index(out, {at[0], i, at[1], 0})], bin(lane, i, true).real(), 1e-9);
      }
    });
  }
}

TEST(DftTest, Refusals) {
  const TestTensor x = f32({1, 4, 1}, {1, 2, 3, 4});
  typed_error(make_dft(2, false, false), {x}, ErrorCode::kModelInvalid, "last dimension");
  typed_error(make_dft(1, true, true), {x}, ErrorCode::kModelInvalid, "onesided");
  typed_error(make_dft(1, false, false), {x, scalar_of(int64_t{0})}, ErrorCode::kModelInvalid, "length");
  typed_error(make_dft(1, false, false), {f32({1, 4}, {1, 2, 3, 4})}, ErrorCode::kShapeMismatch, "last dimension");
}

TEST(StftTest, TransformsWindowedFrames) {
  RandomCase random(2);
  const std::vector<float> x = random.floats(2 * 20), window = random.floats(6);
  const auto got = typed_ok(make_stft(true), {f32({2, 20, 1}, x), scalar_of(int64_t{4}), f32({6}, window)})[0];
  ASSERT_EQ(got.dims, (Dims{2, 4, 4, 2}));
  for_each_index({2, 4, 4}, [&](const Dims& at) {
    std::vector<Complex> frame;
    for (size_t i = 0; i < 6; ++i) {
      const size_t place = static_cast<size_t>(at[0]) * 20 + static_cast<size_t>(at[1]) * 4 + i;
      frame.push_back(static_cast<double>(x[place]) * static_cast<double>(window[i]));
    }
    const Complex want = bin(frame, at[2], false);
    const size_t place = flat_index(got.dims, {at[0], at[1], at[2], 0});
    EXPECT_NEAR(got.floats()[place], want.real(), 1e-4);
    EXPECT_NEAR(got.floats()[place + 1], want.imag(), 1e-4);
  });
  // A complex signal under the same window, which is real.
  const auto complex = typed_ok(make_stft(false), {f32({1, 20, 2}, x), scalar_of(int64_t{7}), f32({6}, window)})[0];
  ASSERT_EQ(complex.dims, (Dims{1, 3, 6, 2}));
  for_each_index({3, 6}, [&](const Dims& at) {
    std::vector<Complex> frame;
    for (size_t i = 0; i < 6; ++i) {
      const size_t place = 2 * (static_cast<size_t>(at[0]) * 7 + i);
      frame.push_back(Complex(static_cast<double>(x[place]), static_cast<double>(x[place + 1])) *
                      static_cast<double>(window[i]));
    }
    const Complex want = bin(frame, at[1], false);
    const size_t place = flat_index(complex.dims, {0, at[0], at[1], 0});
    EXPECT_NEAR(complex.floats()[place], want.real(), 1e-4);
    EXPECT_NEAR(complex.floats()[place + 1], want.imag(), 1e-4);
  });
  EXPECT_EQ(
      typed_ok(make_stft(false), {f32({2, 10, 2}, x), scalar_of(int64_t{1}), omitted(), scalar_of(int64_t{8})})[0].dims,
      (Dims{2, 3, 8, 2}));
  typed_error(make_stft(true), {f32({2, 20}, x), scalar_of(int64_t{0}), f32({6}, window)}, ErrorCode::kModelInvalid,
              "frame_step");
  typed_error(make_stft(true), {f32({2, 20}, x), scalar_of(int64_t{1})}, ErrorCode::kModelInvalid, "frame_length");
  typed_error(make_stft(true), {f32({8, 5}, x), scalar_of(int64_t{1}), f32({6}, window)}, ErrorCode::kShapeMismatch,
              "shorter");
}

TEST(WindowTest, FollowsTheFormulas) {
  for (bool periodic : {false, true}) {
    const int64_t size = 10;
    const double period = periodic ? 10 : 9;
    const auto run = [&](WindowKind kind) {
      return typed_ok(make_window(kind, periodic, DataType::kFloat64), {scalar_of(size)})[0].values<double>();
    };
    for (size_t i = 0; i < 10; ++i) {
      const double x = 2 * M_PI * static_cast<double>(i) / period;
      EXPECT_NEAR(run(WindowKind::kHann)[i], std::pow(std::sin(x / 2), 2), 1e-12);
      EXPECT_NEAR(run(WindowKind::kHamming)[i], 25.0 / 46 - 21.0 / 46 * std::cos(x), 1e-12);
      EXPECT_NEAR(run(WindowKind::kBlackman)[i], 0.42 - 0.5 * std::cos(x) + 0.08 * std::cos(2 * x), 1e-12);
    }
  }
  EXPECT_EQ(typed_ok(make_window(WindowKind::kHann, false, DataType::kFloat32), {scalar_of(int32_t{1})})[0].floats(),
            (std::vector<float>{1}));
  EXPECT_EQ(typed_ok(make_window(WindowKind::kHann, true, DataType::kFloat32), {scalar_of(int64_t{0})})[0].dims,
            (Dims{0}));
  typed_error(make_window(WindowKind::kHann, true, DataType::kFloat32), {scalar_of(int64_t{-1})},
              ErrorCode::kModelInvalid, "size");
}

TEST(MelWeightMatrixTest, IsTriangular) {
  const auto got = typed_ok(make_mel_weight_matrix(DataType::kFloat32),
                            {scalar_of(int64_t{8}), scalar_of(int64_t{16}), scalar_of(int64_t{8192}), scalar_of(0.0f),
                             scalar_of(4096.0f)})[0];
  ASSERT_EQ(got.dims, (Dims{9, 8}));
  const std::vector<float> weights = got.floats();
  for (size_t filter = 0; filter < 8; ++filter) {
    float most = 0;
    for (size_t i = 0; i < 9; ++i) {
      EXPECT_GE(weights[i * 8 + filter], 0);
      most = std::max(most, weights[i * 8 + filter]);
    }
    EXPECT_EQ(most, 1) << "every filter has a peak";
  }
  typed_error(
      make_mel_weight_matrix(DataType::kFloat32),
      {scalar_of(int64_t{8}), scalar_of(int64_t{16}), scalar_of(int64_t{8192}), scalar_of(0.0f), scalar_of(1e6f)},
      ErrorCode::kModelInvalid, "edges");
}

}  // namespace
}  // namespace sealedge::testing
