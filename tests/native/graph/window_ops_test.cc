// Conv and the pools: output sizes by the standard's formulas, and that every way to run them gives the same.
#include <cmath>

#include "core/float16.h"
#include "op_runner.h"

namespace sealedge::testing {
namespace {

Dims conv_dims(const WindowAttributes& window, Dims x, Dims w) {
  const auto zeros = [](const Dims& dims) {
    return f32(dims, std::vector<float>(static_cast<size_t>(element_count(dims))));
  };
  return run_ok(make_conv(window, 1), {zeros(x), zeros(w).as_constant()}).dims;
}

TEST(ConvShape, ExplicitPadsStridesDilations) {
  EXPECT_EQ(conv_dims({}, {1, 2, 5, 7}, {3, 2, 3, 3}), (Dims{1, 3, 3, 5}));
  EXPECT_EQ(conv_dims({.pads = {1, 0, 0, 2}}, {1, 2, 5, 7}, {3, 2, 3, 3}), (Dims{1, 3, 4, 7}));
  EXPECT_EQ(conv_dims({.strides = {2, 3}}, {1, 2, 5, 7}, {3, 2, 3, 3}), (Dims{1, 3, 2, 2}));
  EXPECT_EQ(conv_dims({.dilations = {2, 3}}, {1, 2, 5, 7}, {3, 2, 3, 3}), (Dims{1, 3, 1, 1}));
  EXPECT_EQ(conv_dims({.strides = {4}, .pads = {2, 2}}, {2, 1, 100}, {8, 1, 5}), (Dims{2, 8, 25}));
  EXPECT_EQ(conv_dims({}, {1, 1, 4, 5, 6}, {2, 1, 2, 2, 2}), (Dims{1, 2, 3, 4, 5}));
}

// SAME pads so that the output is ceil(in / stride); with an odd number of pads UPPER puts the extra one at the end.
TEST(ConvShape, AutoPad) {
  const TestTensor x = f32({1, 1, 1, 4}, {1, 2, 3, 4});
  const TestTensor w = f32({1, 1, 1, 2}, {1, 10}).as_constant();
  const auto with = [&](AutoPad pad, std::vector<int64_t> strides) {
    return run_ok(make_conv({.strides = std::move(strides), .auto_pad = pad}, 1), {x, w});
  };
  expect_near(with(AutoPad::kSameUpper, {1, 1}), {21, 32, 43, 4});
  expect_near(with(AutoPad::kSameLower, {1, 1}), {10, 21, 32, 43});
  expect_near(with(AutoPad::kValid, {1, 1}), {21, 32, 43});
  expect_near(with(AutoPad::kSameUpper, {1, 3}), {21, 4});
  EXPECT_EQ(with(AutoPad::kSameUpper, {1, 3}).dims, (Dims{1, 1, 1, 2}));
}

TEST(ConvShape, Refusals) {
  const TestTensor x = noise({1, 4, 5, 5}), w = noise({6, 4, 3, 3}).as_constant();
  expect_error(make_conv({}, 1), {x, noise({6, 3, 3, 3})}, ErrorCode::kShapeMismatch, "does not fit input");
  expect_error(make_conv({}, 4), {x, noise({6, 1, 3, 3})}, ErrorCode::kShapeMismatch, "4 groups");
  expect_error(make_conv({.kernel_shape = {2, 2}}, 1), {x, w}, ErrorCode::kShapeMismatch, "kernel_shape");
  expect_error(make_conv({.strides = {0, 1}}, 1), {x, w}, ErrorCode::kModelInvalid, "strides");
  expect_error(make_conv({.strides = {1}}, 1), {x, w}, ErrorCode::kModelInvalid, "strides");
  expect_error(make_conv({.pads = {-1, 0, 0, 0}}, 1), {x, w}, ErrorCode::kModelInvalid, "pads: expected values from 0");
  expect_error(make_conv({.dilations = {4, 4}}, 1), {x, w}, ErrorCode::kShapeMismatch, "larger than the padded input");
  expect_error(make_conv({.dilations = {int64_t{1} << 31, 1}}, 1), {x, w}, ErrorCode::kModelInvalid, "dilations");
  expect_error(make_conv({.dilations = {(int64_t{1} << 31) - 1, 1}}, 1), {x, w}, ErrorCode::kModelInvalid, "too large");
  // Four output pixels, and a padded input of 2^64 bytes.
  const int64_t far = int64_t{1} << 30;
  expect_error(make_conv({.strides = {far, far}, .pads = {far, far, far, far}}, 1), {x, w}, ErrorCode::kLimitExceeded,
               "padded input");
  expect_error(make_conv({}, 1), {x, w, noise({5})}, ErrorCode::kShapeMismatch, "bias");
  expect_error(make_conv({}, 1), {noise({1, 4}), w}, ErrorCode::kShapeMismatch, "weight");
  expect_error(make_conv({}, 1), {noise({1, 1, 2, 2, 2, 2}), noise({1, 1, 1, 1, 1, 1})}, ErrorCode::kOpUnsupported,
               "4 spatial");
  expect_error(make_conv({}, 1), {i64({1, 1, 1}, {1}), i64({1, 1, 1}, {1})}, ErrorCode::kOpUnsupported, "int64");
}

TEST(Conv, ConstantAndComputedWeightsAgree) {
  const WindowAttributes window = {.strides = {2, 1}, .pads = {1, 1, 1, 1}};
  const TestTensor x = noise({2, 6, 9, 8}), w = noise({20, 3, 3, 3}, 2);
  const std::vector<float> want = run_ok(make_conv(window, 2), {x, w.as_constant()}).floats();
  expect_near(run_ok(make_conv(window, 2), {x, w}), want);
  expect_near(run_ok(make_conv(window, 2), {x.arriving_as(Format::kChannelsLast), w.as_constant()}), want);
}

// Activations that no tile computes are applied to parts of rows where groups or pieces of weights cut them.
TEST(Conv, ActivationsOfPartsOfRows) {
  const auto silu = [](std::vector<float> values) {
    for (float& v : values) v = v / (1 + std::exp(-v));
    return values;
  };
  EpilogueValues epilogue;
  epilogue.activation = {Activation::Kind::kSilu, 0, 0};
  const TestTensor x = noise({1, 2000, 3, 4}), w = noise({2000, 1, 3, 3}, 2).as_constant();
  const WindowAttributes window = {.pads = {1, 1, 1, 1}};
  expect_near(run_ok(make_depthwise_conv(window, 2000), {x, w}, epilogue),
              silu(run_ok(make_depthwise_conv(window, 2000), {x, w}).floats()));
  const TestTensor grouped = noise({20, 5, 3, 3}, 2).as_constant(), image = noise({2, 10, 5, 5});
  expect_near(run_ok(make_conv(window, 2), {image, grouped}, epilogue),
              silu(run_ok(make_conv(window, 2), {image, grouped}).floats()));
}

TEST(Conv, OtherTypesAgree) {
  const auto as = [](const TestTensor& tensor, auto zero, DataType type) {
    std::vector<decltype(zero)> values;
    for (float v : tensor.floats()) values.push_back(static_cast<decltype(zero)>(v));
    return tensor_of(type, tensor.dims, values);
  };
  const std::vector<std::pair<WindowAttributes, int64_t>> cases = {
      {{.strides = {2, 1}, .pads = {1, 0, 2, 1}}, 1}, {{.dilations = {2, 1}, .auto_pad = AutoPad::kSameUpper}, 3}};
  for (const auto& [window, group] : cases) {
    const TestTensor x = noise({2, 6, 9, 8}), w = noise({9, 6 / group, 3, 2}, 2), b = noise({9}, 3);
    const std::vector<float> want =
        run_ok(make_conv(window, group), {x, w}, {.scale = {}, .shift = b.floats(), .residual = {}, .activation = {}})
            .floats();
    const DataType wide = DataType::kFloat64, half = DataType::kFloat16;
    const auto doubles =
        run_ok(make_conv(window, group), {as(x, 0.0, wide), as(w, 0.0, wide), as(b, 0.0, wide)}).values<double>();
    const auto halves =
        run_ok(make_conv(window, group), {as(x, Float16{}, half), as(w, Float16{}, half), as(b, Float16{}, half)})
            .values<Float16>();
    ASSERT_EQ(doubles.size(), want.size());
    for (size_t i = 0; i < want.size(); i++) {
      EXPECT_NEAR(doubles[i], want[i], 1e-5);
      EXPECT_NEAR(halves[i], want[i], 2e-2);
    }
  }
}

TEST(Conv, DepthwiseAgreesWithGroups) {
  const WindowAttributes window = {.pads = {1, 1, 1, 1}};
  const TestTensor x = noise({1, 20, 7, 6}), w = noise({20, 1, 3, 3}, 2);
  const TestTensor depthwise = run_ok(make_depthwise_conv(window, 20), {x, w.as_constant()});
  expect_near(run_ok(make_conv(window, 20), {x, w}), depthwise.floats());
  EXPECT_EQ(make_depthwise_conv(window, 20)->weight_request(1, {DataType::kFloat32, w.dims}).layout,
            WeightLayout::kDepthwise16);
}

// One filter of more than a piece of weights takes the general kernel.
TEST(Conv, LongDepthwiseFilter) {
  const TestTensor x = noise({1, 3, 1500}), w = noise({3, 1, 1100}, 2);
  EXPECT_EQ(make_depthwise_conv({}, 3)->weight_request(1, {DataType::kFloat32, w.dims}).layout, WeightLayout::kPanel16);
  const std::vector<float> want = run_ok(make_conv({}, 3), {x, w}).floats();
  expect_near(run_ok(make_depthwise_conv({}, 3), {x, w.as_constant()}), want, 1e-4f);
}

TEST(Conv, EveryActivationOfTheEpilogue) {
  using Kind = Activation::Kind;
  const TestTensor x = noise({1, 3, 4, 4}), w = noise({5, 3, 3, 3}, 2).as_constant();
  EpilogueValues epilogue = {.scale = {1, 2, 3, 4, 5},
                             .shift = {-1, 0, 1, 0.5f, 0},
                             .residual = noise({1, 5, 2, 2}, 3).floats(),
                             .activation = {}};
  const TestTensor plain = run_ok(make_conv({}, 1), {x, w}, epilogue);
  const std::pair<Activation, OpPtr> activations[] = {
      {{Kind::kRelu}, make_unary(UnaryKind::kRelu)},
      {{Kind::kLeakyRelu, 0.1f}, make_unary(UnaryKind::kLeakyRelu, 0.1f)},
      {{Kind::kSigmoid}, make_unary(UnaryKind::kSigmoid)},
      {{Kind::kTanh}, make_unary(UnaryKind::kTanh)},
      {{Kind::kHardSigmoid, 0.2f, 0.5f}, make_unary(UnaryKind::kHardSigmoid, 0.2f, 0.5f)},
      {{Kind::kHardSwish}, make_unary(UnaryKind::kHardSwish)},
  };
  for (const auto& [activation, op] : activations) {
    epilogue.activation = activation;
    expect_near(run_ok(make_conv({}, 1), {x, w}, epilogue), run_ok(op, {plain}).floats());
  }
  epilogue.activation = {Kind::kClip, -0.25f, 0.75f};
  std::vector<float> clipped = plain.floats();
  for (float& v : clipped) v = std::min(std::max(v, -0.25f), 0.75f);
  expect_near(run_ok(make_conv({}, 1), {x, w}, epilogue), clipped);
}

// ONNX MaxPool: with ceil_mode the last window may stick out, but must begin inside.
TEST(Pool, CeilMode) {
  const TestTensor x = f32({1, 1, 5}, {1, 2, 3, 4, 5});
  const WindowAttributes window = {.kernel_shape = {2}, .strides = {2}};
  expect_near(run_ok(make_pool(PoolKind::kMax, window, false, false), {x}), {2, 4});
  expect_near(run_ok(make_pool(PoolKind::kMax, window, true, false), {x}), {2, 4, 5});
  expect_near(run_ok(make_pool(PoolKind::kAverage, window, true, false), {x}), {1.5f, 3.5f, 5});
  const WindowAttributes sparse = {.kernel_shape = {1}, .strides = {3}};
  expect_near(run_ok(make_pool(PoolKind::kMax, sparse, true, false), {f32({1, 1, 3}, {1, 2, 3})}), {1});
}

TEST(Pool, CountIncludePad) {
  const TestTensor x = f32({1, 1, 3}, {3, 6, 9});
  const WindowAttributes window = {.kernel_shape = {3}, .pads = {1, 1}};
  expect_near(run_ok(make_pool(PoolKind::kAverage, window, false, false), {x}), {4.5f, 6, 7.5f});
  expect_near(run_ok(make_pool(PoolKind::kAverage, window, false, true), {x}), {3, 6, 5});
}

TEST(Pool, Global) {
  const TestTensor x = f32({1, 2, 1, 3}, {1, 2, 6, -1, -2, -6});
  EXPECT_EQ(run_ok(make_global_pool(PoolKind::kMax), {x}).dims, (Dims{1, 2, 1, 1}));
  expect_near(run_ok(make_global_pool(PoolKind::kMax), {x}), {6, -1});
  expect_near(run_ok(make_global_pool(PoolKind::kAverage), {x}), {3, -3});
  expect_error(make_global_pool(PoolKind::kMax), {noise({2})}, ErrorCode::kShapeMismatch, "at least 2 dimensions");
}

}  // namespace
}  // namespace sealedge::testing
