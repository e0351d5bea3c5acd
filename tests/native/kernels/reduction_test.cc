#include "kernel_testing.h"
#include "kernels/reduce/reduce.h"
#include "kernels/softmax/softmax.h"

namespace sealedge::testing {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

class F32Reduction : public ::testing::TestWithParam<const KernelTable*> {};

constexpr ReduceOp kOps[] = {ReduceOp::kSum,    ReduceOp::kMean,     ReduceOp::kMax, ReduceOp::kMin,
                             ReduceOp::kProd,   ReduceOp::kL1,       ReduceOp::kL2,  ReduceOp::kSumSquare,
                             ReduceOp::kLogSum, ReduceOp::kLogSumExp};

double reference(ReduceOp op, const std::vector<float>& values) {
  double sum = 0, product = 1, absolute = 0, square = 0, exponential = 0, max = -kInfinity, min = kInfinity;
  for (float v : values) {
    sum += v;
    product *= v;
    absolute += std::fabs(v);
    square += static_cast<double>(v) * v;
    exponential += std::exp(static_cast<double>(v));
    max = std::max<double>(max, v);
    min = std::min<double>(min, v);
  }
  switch (op) {
    case ReduceOp::kSum:
      return sum;
    case ReduceOp::kMean:
      return sum / static_cast<double>(values.size());
    case ReduceOp::kMax:
      return max;
    case ReduceOp::kMin:
      return min;
    case ReduceOp::kProd:
      return product;
    case ReduceOp::kL1:
      return absolute;
    case ReduceOp::kL2:
      return std::sqrt(square);
    case ReduceOp::kSumSquare:
      return square;
    case ReduceOp::kLogSum:
      return std::log(sum);
    default:
      return std::log(exponential);
  }
}

void check_reduce(const KernelTable& kernels, const std::vector<size_t>& dims, unsigned axes, uint32_t seed,
                  unsigned thread_count = 1) {
  Random random(seed);
  F32ReduceParams params = {
      .op = ReduceOp::kSum, .rank = dims.size(), .dims = {}, .reduced = {}, .x = nullptr, .y = nullptr};
  size_t total = 1, kept = 1;
  for (size_t d = 0; d < dims.size(); d++) {
    params.dims[d] = dims[d];
    params.reduced[d] = axes >> d & 1;
    total *= dims[d];
    if (!params.reduced[d]) kept *= dims[d];
  }
  const Guarded<float> x(random.values(total, 0.5f, 1.5f));
  std::vector<std::vector<float>> groups(kept);
  for (size_t i = 0; i < total; i++) {
    size_t to = 0, step = 1, rest = i;
    for (size_t d = dims.size(); d-- > 0; rest /= dims[d]) {
      if (params.reduced[d]) continue;
      to += rest % dims[d] * step;
      step *= dims[d];
    }
    groups[to].push_back(x.data()[i]);
  }
  for (ReduceOp op : kOps) {
    std::vector<float> want;
    for (const auto& group : groups) want.push_back(static_cast<float>(reference(op, group)));
    Guarded<float> y(kept, 1234.0f);
    params.op = op;
    params.x = x.data();
    params.y = y.data();
    KernelContext context = {.kernels = &kernels};
    if (thread_count > 1) context.parallel = threads(thread_count);
    f32_reduce(params, context);
    expect_close(
        y.data(), want, 1e-5f, 1e-5f,
        std::string(kernels.isa) + " op " + std::to_string(static_cast<int>(op)) + " axes " + std::to_string(axes));
  }
}

TEST_P(F32Reduction, EverySetOfAxes) {
  for (unsigned axes = 0; axes < 16; axes++) {
    check_reduce(*GetParam(), {2, 3, 5, 7}, axes, axes);
    check_reduce(*GetParam(), {3, 1, 2, 37}, axes, 100 + axes);
  }
}

TEST_P(F32Reduction, LengthsAroundTheVectors) {
  for (size_t size = 0; size < 140; size++) check_reduce(*GetParam(), {2, size}, 2, static_cast<uint32_t>(200 + size));
  for (size_t size : {1, 255, 256, 257, 600})
    check_reduce(*GetParam(), {3, size}, 1, static_cast<uint32_t>(400 + size));
}

TEST_P(F32Reduction, ScalarAndThreads) {
  check_reduce(*GetParam(), {}, 0, 500);
  check_reduce(*GetParam(), {50, 60, 10}, 2, 501, 3);
  check_reduce(*GetParam(), {50, 600}, 2, 502, 3);
}

TEST_P(F32Reduction, InfinityAndNaN) {
  const std::vector<float> values = {1.0f, kInfinity, -3.0f, kNaN, -kInfinity, 2.0f};
  for (size_t inner : {1, 20}) {
    for (size_t at = 0; at < 40; at++) {
      std::vector<float> x(40 * inner, 1.0f), y(inner);
      x[at * inner] = kNaN;
      F32ReduceParams params = {
          .op = ReduceOp::kMax, .rank = 2, .dims = {40, inner}, .reduced = {true, false}, .x = x.data(), .y = y.data()};
      for (ReduceOp op : kOps) {
        params.op = op;
        f32_reduce(params, {.kernels = GetParam()});
        EXPECT_TRUE(std::isnan(y[0])) << static_cast<int>(op) << " at " << at;
        if (inner > 1) EXPECT_FALSE(std::isnan(y[1]));
      }
      x[at * inner] = kInfinity;
      params.op = ReduceOp::kLogSumExp;
      f32_reduce(params, {.kernels = GetParam()});
      EXPECT_EQ(y[0], kInfinity);
    }
  }
}

void check_softmax(const KernelTable& kernels, size_t outer, size_t axis, size_t inner, bool log, float range,
                   uint32_t seed, unsigned thread_count = 1) {
  Random random(seed);
  const std::vector<float> x = random.values(outer * axis * inner, -range, range);
  std::vector<float> want(x.size());
  for (size_t o = 0; o < outer; o++) {
    for (size_t i = 0; i < inner; i++) {
      double max = -kInfinity, sum = 0;
      const auto at = [&](size_t a) { return (o * axis + a) * inner + i; };
      for (size_t a = 0; a < axis; a++) max = std::max<double>(max, x[at(a)]);
      for (size_t a = 0; a < axis; a++) sum += std::exp(x[at(a)] - max);
      for (size_t a = 0; a < axis; a++) {
        const double shifted = x[at(a)] - max;
        want[at(a)] = static_cast<float>(log ? shifted - std::log(sum) : std::exp(shifted) / sum);
      }
    }
  }
  const Guarded<float> in(x);
  Guarded<float> y(x.size(), 1234.0f), in_place(x);
  KernelContext context = {.kernels = &kernels};
  if (thread_count > 1) context.parallel = threads(thread_count);
  F32SoftmaxParams params = {.outer = outer, .axis = axis, .inner = inner, .log = log, .x = in.data(), .y = y.data()};
  f32_softmax(params, context);
  expect_close(y.data(), want, log ? 4e-6f : 1e-7f, 4e-6f, std::string(kernels.isa) + " seed " + std::to_string(seed));
  params.x = params.y = in_place.data();
  f32_softmax(params, context);
  EXPECT_EQ(in_place.copy(), y.copy());
}

TEST_P(F32Reduction, Softmax) {
  uint32_t seed = 600;
  for (bool log : {false, true}) {
    for (size_t axis : {1, 2, 3, 10, 15, 16, 17, 31, 32, 33, 100, 1000}) {
      check_softmax(*GetParam(), 5, axis, 1, log, 10.0f, seed++);
      check_softmax(*GetParam(), 2, axis, 7, log, 10.0f, seed++);
    }
    check_softmax(*GetParam(), 1000, 2, 1, log, 80.0f, seed++, 3);
    check_softmax(*GetParam(), 2, 9, 700, log, 80.0f, seed++, 3);
    check_softmax(*GetParam(), 0, 9, 700, log, 80.0f, seed++);
  }
}

TEST_P(F32Reduction, SoftmaxOfInfinityAndNaN) {
  for (size_t axis : {3, 40}) {
    std::vector<float> x(3 * axis, 0.5f), y(x.size());
    x[1] = kNaN;
    for (size_t i = 0; i < axis; i++) x[axis + i] = -kInfinity;
    x[2 * axis + 1] = -kInfinity;
    f32_softmax({.outer = 3, .axis = axis, .inner = 1, .x = x.data(), .y = y.data()}, {.kernels = GetParam()});
    for (size_t i = 0; i < 2 * axis; i++) EXPECT_TRUE(std::isnan(y[i])) << i;
    EXPECT_EQ(y[2 * axis + 1], 0.0f);
    EXPECT_NEAR(y[2 * axis], 1.0f / static_cast<float>(axis - 1), 1e-6f);
  }
}

INSTANTIATE_TEST_SUITE_P(EveryIsa, F32Reduction, ::testing::ValuesIn(tables()),
                         [](const auto& info) { return std::string(info.param->isa); });

}  // namespace
}  // namespace sealedge::testing
