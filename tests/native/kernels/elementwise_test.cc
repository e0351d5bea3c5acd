#include <algorithm>
#include <bit>

#include "differential/unary_bounds.h"
#include "kernel_testing.h"
#include "kernels/elementwise/binary.h"
#include "kernels/elementwise/unary.h"

namespace sealedge::testing {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

const KernelTable& scalar() { return *tables().front(); }

struct UnaryCase {
  UnaryOp op;
  UnaryParams params;
};

const UnaryCase kUnary[] = {
    {UnaryOp::kClip, {-0.5f, 2.0f}},
    {UnaryOp::kClip, {0.0f, kInfinity}},
    {UnaryOp::kLeakyRelu, {0.1f, 0}},
    {UnaryOp::kElu, {1.5f, 0}},
    {UnaryOp::kSelu, {1.6732632f, 1.050701f}},
    {UnaryOp::kSigmoid, {}},
    {UnaryOp::kHardSigmoid, {0.2f, 0.5f}},
    {UnaryOp::kHardSwish, {}},
    {UnaryOp::kSilu, {}},
    {UnaryOp::kGelu, {}},
    {UnaryOp::kSoftplus, {}},
    {UnaryOp::kSoftsign, {}},
    {UnaryOp::kMish, {}},
    {UnaryOp::kTanh, {}},
    {UnaryOp::kErf, {}},
    {UnaryOp::kExp, {}},
    {UnaryOp::kLog, {}},
    {UnaryOp::kSqrt, {}},
    {UnaryOp::kReciprocal, {}},
    {UnaryOp::kAbs, {}},
    {UnaryOp::kNeg, {}},
    {UnaryOp::kFloor, {}},
    {UnaryOp::kCeil, {}},
    {UnaryOp::kRound, {}},
    {UnaryOp::kSign, {}},
    {UnaryOp::kSin, {}},
    {UnaryOp::kCos, {}},
    {UnaryOp::kTan, {}},
    {UnaryOp::kAtan, {}},
    {UnaryOp::kThresholdedRelu, {0.3f, 0}},
    {UnaryOp::kGeluTanh, {}},
};

// Every 100,049th float: all exponents, both signs, denormals, infinities and NaNs among them.
std::vector<float> all_kinds_of_floats() {
  std::vector<float> x = {0.0f,    -0.0f,  kInfinity, -kInfinity, kNaN,  1e-45f,
                          -1e-45f, 0.625f, -0.625f,   1.0f,       -1.0f, 4.0f};
  for (uint64_t bits = 0; bits < uint64_t{1} << 32; bits += 100049)
    x.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
  Random random(1);
  for (int i = 0; i < 40000; i++) x.push_back(random.uniform(-12.0f, 12.0f));
  return x;
}

class F32Elementwise : public ::testing::TestWithParam<const KernelTable*> {};

TEST_P(F32Elementwise, UnaryKeepsItsBoundAgainstLibm) {
  const std::vector<float> x = all_kinds_of_floats();
  std::vector<float> want(x.size()), got(x.size());
  for (const UnaryCase& c : kUnary) {
    f32_unary(c.op, c.params, x.data(), want.data(), x.size(), {.kernels = &scalar()});
    f32_unary(c.op, c.params, x.data(), got.data(), x.size(), {.kernels = GetParam()});
    const UnaryBound bound = unary_bound(c.op, c.params);
    double worst = 0;
    float at = 0;
    for (size_t i = 0; i < x.size(); i++) {
      if (std::fabs(static_cast<double>(got[i]) - want[i]) <= bound.absolute) continue;
      const double distance = ulps_apart(got[i], want[i]);
      if (distance > worst) worst = distance, at = x[i];
    }
    EXPECT_LE(worst, bound.ulps) << "op " << static_cast<int>(c.op) << " at " << at;
  }
}

TEST_P(F32Elementwise, UnarySizesAndInPlace) {
  Random random(2);
  for (size_t size : {0, 1, 7, 8, 9, 15, 16, 17, 31, 33, 100}) {
    const std::vector<float> x = random.values(size, 0.1f, 3.0f);
    for (const UnaryCase& c : kUnary) {
      Guarded<float> in(x), out(size), in_place(x);
      f32_unary(c.op, c.params, in.data(), out.data(), size, {.kernels = GetParam()});
      f32_unary(c.op, c.params, in_place.data(), in_place.data(), size,
                {.kernels = GetParam(), .parallel = threads(3)});
      std::vector<float> want(size);
      f32_unary(c.op, c.params, x.data(), want.data(), size, {.kernels = &scalar()});
      expect_close(out.data(), want, 1e-6f, 1e-6f, "op " + std::to_string(static_cast<int>(c.op)));
      EXPECT_EQ(in_place.copy(), out.copy());
    }
  }
}

std::vector<float> broadcast_reference(BinaryOp op, const std::vector<int64_t>& ad, const std::vector<int64_t>& bd,
                                       const std::vector<int64_t>& yd, const std::vector<float>& a,
                                       const std::vector<float>& b) {
  size_t count = 1;
  for (int64_t d : yd) count *= static_cast<size_t>(d);
  std::vector<float> y(count);
  const auto index = [&](size_t i, const std::vector<int64_t>& dims) {
    size_t at = 0, step = 1;
    for (size_t back = 1; back <= yd.size(); back++) {
      const auto size = static_cast<size_t>(yd[yd.size() - back]);
      if (back <= dims.size()) {
        const auto mine = static_cast<size_t>(dims[dims.size() - back]);
        if (mine != 1) at += i % size * step;
        step *= mine;
      }
      i /= size;
    }
    return at;
  };
  for (size_t i = 0; i < count; i++) {
    const float p = a[index(i, ad)], q = b[index(i, bd)];
    switch (op) {
      case BinaryOp::kAdd:
        y[i] = p + q;
        break;
      case BinaryOp::kSub:
        y[i] = p - q;
        break;
      case BinaryOp::kMul:
        y[i] = p * q;
        break;
      case BinaryOp::kDiv:
        y[i] = p / q;
        break;
      case BinaryOp::kMin:
        y[i] = std::min(p, q);
        break;
      case BinaryOp::kMax:
        y[i] = std::max(p, q);
        break;
      case BinaryOp::kPow:
        y[i] = std::pow(p, q);
        break;
      default:
        y[i] = p < 0 ? p * q : p;
        break;
    }
  }
  return y;
}

TEST_P(F32Elementwise, BinaryBroadcasts) {
  using Shape = std::vector<int64_t>;
  const Shape shapes[][3] = {
      {{}, {}, {}},
      {{5}, {5}, {5}},
      {{1}, {5}, {5}},
      {{40}, {}, {40}},
      {{3, 17}, {3, 17}, {3, 17}},
      {{3, 17}, {17}, {3, 17}},
      {{3, 1}, {3, 17}, {3, 17}},
      {{3, 1}, {1, 17}, {3, 17}},
      {{2, 3, 4, 5}, {3, 1, 1}, {2, 3, 4, 5}},
      {{2, 1, 4, 1}, {3, 1, 5}, {2, 3, 4, 5}},
      {{2, 3, 0}, {3, 1}, {2, 3, 0}},
      {{2, 1, 2, 1, 2, 1, 2, 1}, {1, 2, 1, 2, 1, 2, 1, 2}, {2, 2, 2, 2, 2, 2, 2, 2}},
  };
  Random random(3);
  for (const auto& [ad, bd, yd] : shapes) {
    const auto count = [](const Shape& dims) {
      size_t n = 1;
      for (int64_t d : dims) n *= static_cast<size_t>(d);
      return n;
    };
    const std::vector<float> a = random.values(count(ad), 0.1f, 2.0f), b = random.values(count(bd), 0.1f, 2.0f);
    BroadcastPlan plan;
    ASSERT_TRUE(make_broadcast_plan(ad.data(), ad.size(), bd.data(), bd.size(), &plan));
    for (int op = 0; op < static_cast<int>(BinaryOp::kCount); op++) {
      const Guarded<float> in_a(a), in_b(b);
      Guarded<float> y(count(yd), 1234.0f);
      f32_binary(static_cast<BinaryOp>(op), plan, in_a.data(), in_b.data(), y.data(), {.kernels = GetParam()});
      const std::vector<float> want = broadcast_reference(static_cast<BinaryOp>(op), ad, bd, yd, a, b);
      expect_close(y.data(), want, 0.0f, 0.0f, std::string(GetParam()->isa) + " op " + std::to_string(op));
      Guarded<float> threaded(count(yd), 1234.0f);
      f32_binary(static_cast<BinaryOp>(op), plan, in_a.data(), in_b.data(), threaded.data(),
                 {.kernels = GetParam(), .parallel = threads(3)});
      EXPECT_EQ(threaded.copy(), y.copy());
    }
  }
}

// Exponents that have a form of their own, and others, against libm: special values included.
TEST_P(F32Elementwise, PowersByOneExponent) {
  const std::vector<float> x = all_kinds_of_floats();
  std::vector<float> got(x.size());
  const int64_t dims[] = {static_cast<int64_t>(x.size())}, one[] = {1};
  BroadcastPlan plan;
  ASSERT_TRUE(make_broadcast_plan(dims, 1, one, 1, &plan));
  for (float exponent : {2.0f, 3.0f, 0.5f, -1.0f, -0.5f, 0.0f, 1.0f, -2.0f, 1.7f}) {
    f32_binary(BinaryOp::kPow, plan, x.data(), &exponent, got.data(), {.kernels = GetParam()});
    for (size_t i = 0; i < x.size(); i++) {
      const float want = std::pow(x[i], exponent);
      if (std::fabs(static_cast<double>(got[i]) - want) <= 3e-45) continue;
      EXPECT_LE(ulps_apart(got[i], want), 2) << x[i] << "^" << exponent << " gave " << got[i];
    }
  }
}

TEST_P(F32Elementwise, BinaryNaN) {
  const int64_t dims[] = {18};
  BroadcastPlan plan;
  ASSERT_TRUE(make_broadcast_plan(dims, 1, dims, 1, &plan));
  std::vector<float> a(18, 1.0f), b(18, 2.0f), y(18);
  a[3] = a[17] = kNaN;
  b[4] = b[16] = kNaN;
  for (int op = 0; op < static_cast<int>(BinaryOp::kPow); op++) {
    f32_binary(static_cast<BinaryOp>(op), plan, a.data(), b.data(), y.data(), {.kernels = GetParam()});
    for (size_t i = 0; i < 18; i++) EXPECT_EQ(std::isnan(y[i]), i == 3 || i == 4 || i >= 16) << op << " " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(EveryIsa, F32Elementwise, ::testing::ValuesIn(tables()),
                         [](const auto& info) { return std::string(info.param->isa); });

TEST(BroadcastPlan, RefusesWhatDoesNotBroadcast) {
  const int64_t a[] = {3, 4}, b[] = {3, 5};
  BroadcastPlan plan;
  EXPECT_FALSE(make_broadcast_plan(a, 2, b, 2, &plan));
}

TEST(BroadcastPlan, RefusesTooManyDimensions) {
  const int64_t a[] = {2, 1, 2, 1, 2, 1, 2, 1, 2}, b[] = {1, 2, 1, 2, 1, 2, 1, 2, 1};
  BroadcastPlan plan;
  EXPECT_FALSE(make_broadcast_plan(a, 9, b, 9, &plan));
}

TEST(BroadcastPlan, JoinsDimensions) {
  const int64_t a[] = {2, 3, 4, 5}, b[] = {4, 5};
  BroadcastPlan plan;
  ASSERT_TRUE(make_broadcast_plan(a, 4, b, 2, &plan));
  EXPECT_EQ(plan.rank, 2u);
  EXPECT_EQ(plan.dims[0], 6u);
  EXPECT_EQ(plan.dims[1], 20u);
}

}  // namespace
}  // namespace sealedge::testing
