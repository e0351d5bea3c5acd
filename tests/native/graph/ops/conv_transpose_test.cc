// ConvTranspose: output sizes by the standard's formula, values against scattering every input pixel by hand.
#include "graph/ops/product/conv_transpose.h"

#include "../op_runner.h"
#include "core/float16.h"

namespace sealedge::testing {
namespace {

struct Case {
  WindowAttributes window = {};
  std::vector<int64_t> output_padding = {}, output_shape = {};
  int64_t group = 1;
  Dims x, w;
  Dims y;  // expected spatial dimensions
};

// Every input pixel adds its weighted copies of the kernel to Y (row-major), whose padding pads[i] is cut off.
std::vector<float> scattered(const Case& c, const Dims& y_dims, const std::vector<int64_t>& pads, const TestTensor& x,
                             const TestTensor& w) {
  const size_t rank = c.x.size() - 2;
  const auto three = [&](const Dims& dims, size_t from, int64_t fill) {
    std::vector<int64_t> out(3, fill);
    for (size_t i = 0; i < rank && !dims.empty(); i++) out[3 - rank + i] = dims[from + i];
    return out;
  };
  const auto in = three(c.x, 2, 1), out = three(y_dims, 2, 1), kernel = three(c.w, 2, 1);
  const auto stride = three(c.window.strides, 0, 1), dilation = three(c.window.dilations, 0, 1),
             pad = three(pads, 0, 0);
  const int64_t groups = c.group, group_in = c.x[1] / groups, group_out = c.w[1];
  const std::vector<float> from = x.floats(), weights = w.floats();
  std::vector<double> sums(static_cast<size_t>(element_count(y_dims)));
  for (int64_t n = 0; n < c.x[0]; n++) {
    for (int64_t ch = 0; ch < c.x[1]; ch++) {
      for (int64_t p = 0; p < in[0] * in[1] * in[2]; p++) {
        const int64_t at[3] = {p / in[2] / in[1], p / in[2] % in[1], p % in[2]};
        const double value = from[static_cast<size_t>((n * c.x[1] + ch) * in[0] * in[1] * in[2] + p)];
        for (int64_t o = 0; o < group_out; o++) {
          for (int64_t t = 0; t < kernel[0] * kernel[1] * kernel[2]; t++) {
            const int64_t tap[3] = {t / kernel[2] / kernel[1], t / kernel[2] % kernel[1], t % kernel[2]};
            int64_t to = n * y_dims[1] + ch / group_in * group_out + o;
            bool inside = true;
            for (int d = 0; d < 3; d++) {
              const int64_t position = at[d] * stride[d] + tap[d] * dilation[d] - pad[d];
              inside = inside && position >= 0 && position < out[d];
              to = to * out[d] + position;
            }
            const auto weight = static_cast<size_t>((ch * group_out + o) * kernel[0] * kernel[1] * kernel[2] + t);
            if (inside) sums[static_cast<size_t>(to)] += value * static_cast<double>(weights[weight]);
          }
        }
      }
    }
  }
  return {sums.begin(), sums.end()};
}

OpPtr make(const Case& c) { return make_conv_transpose(c.window, c.output_padding, c.output_shape, c.group); }

void expect_case(const Case& c, const std::vector<int64_t>& pads) {
  const TestTensor x = noise(c.x, 1), w = noise(c.w, 2);
  Dims y = {c.x[0], c.w[1] * c.group};
  y.insert(y.end(), c.y.begin(), c.y.end());
  SCOPED_TRACE(dims_to_string(c.x) + " * " + dims_to_string(c.w));
  const std::vector<float> want = scattered(c, y, pads, x, w);
  for (const TestTensor& weight : {w, w.as_constant()}) {
    const TestTensor got = run_ok(make(c), {x, weight});
    EXPECT_EQ(got.dims, y);
    expect_near(got, want, 1e-4f);
  }
  std::vector<double> wide_x, wide_w;
  for (float v : x.floats()) wide_x.push_back(v);
  for (float v : w.floats()) wide_w.push_back(v);
  const TestTensor wide =
      run_ok(make(c), {tensor_of(DataType::kFloat64, c.x, wide_x), tensor_of(DataType::kFloat64, c.w, wide_w)});
  const std::vector<double> values = wide.values<double>();
  ASSERT_EQ(values.size(), want.size());
  for (size_t i = 0; i < want.size(); i++) EXPECT_NEAR(values[i], want[i], 1e-6);
}

TEST(ConvTranspose, FollowsTheFormula) {
  expect_case({.x = {1, 1, 3, 3}, .w = {1, 2, 3, 3}, .y = {5, 5}}, {});
  expect_case({.window = {.strides = {2, 2}}, .x = {2, 24, 5, 6}, .w = {24, 24, 2, 2}, .y = {10, 12}}, {});
  expect_case({.window = {.strides = {2, 2}}, .x = {1, 24, 5, 6}, .w = {24, 1, 2, 2}, .y = {10, 12}}, {});
  expect_case({.window = {.strides = {3, 2}, .pads = {1, 0, 2, 1}}, .x = {1, 3, 4, 5}, .w = {3, 5, 3, 4}, .y = {9, 11}},
              {1, 0});
  expect_case({.window = {.dilations = {2, 3}}, .x = {1, 2, 3, 4}, .w = {2, 3, 2, 3}, .y = {5, 10}}, {});
  expect_case({.window = {.strides = {2}}, .output_padding = {1}, .x = {2, 4, 7}, .w = {4, 3, 3}, .y = {16}}, {});
  expect_case({.window = {.strides = {2, 1, 3}, .pads = {0, 1, 1, 1, 0, 1}},
               .x = {1, 2, 2, 3, 4},
               .w = {2, 3, 3, 2, 3},
               .y = {4, 3, 10}},
              {0, 1, 1});
  // Stride larger than the kernel: positions that nothing is added to.
  expect_case({.window = {.strides = {4}}, .x = {1, 2, 3}, .w = {2, 2, 2}, .y = {10}}, {});
}

TEST(ConvTranspose, Groups) {
  expect_case({.window = {.strides = {2, 2}, .pads = {1, 1, 1, 1}},
               .group = 2,
               .x = {2, 6, 4, 3},
               .w = {6, 5, 3, 3},
               .y = {7, 5}},
              {1, 1});
  expect_case({.window = {.strides = {2, 2}, .pads = {1, 1, 1, 1}},
               .group = 20,
               .x = {1, 20, 4, 3},
               .w = {20, 1, 4, 4},
               .y = {8, 6}},
              {1, 1});
}

// total = stride * (in - 1) + output_padding + span - out; UPPER puts the odd one at the end, all else at the
// beginning.
TEST(ConvTranspose, OutputShapeAndAutoPad) {
  Case c = {.window = {.strides = {3, 2}}, .output_shape = {10, 8}, .x = {1, 1, 3, 3}, .w = {1, 2, 3, 3}, .y = {10, 8}};
  expect_case(c, {0, 0});  // total -1: nothing to cut, one more at the end
  c.output_shape = {1, 2, 8, 6}, c.y = {8, 6};
  expect_case(c, {1, 1});
  c.window.auto_pad = AutoPad::kSameUpper;
  expect_case(c, {0, 0});
  c.output_shape = {};
  c.window = {.strides = {2, 2}, .auto_pad = AutoPad::kSameUpper}, c.y = {6, 6};
  expect_case(c, {0, 0});
  c.window.auto_pad = AutoPad::kSameLower;
  expect_case(c, {1, 1});
  c.window = {.pads = {1, 1, 1, 1}, .auto_pad = AutoPad::kValid}, c.y = {5, 5};
  expect_case(c, {0, 0});
}

// Of one pixel: no stride is ever taken, so it may be anything. Their product is 2^64.
TEST(ConvTranspose, StridesThatAreNeverTaken) {
  expect_case(
      {.window = {.strides = {1 << 22, 1 << 21, 1 << 21}}, .x = {1, 2, 1, 1, 1}, .w = {2, 3, 2, 1, 2}, .y = {2, 1, 2}},
      {0, 0, 0});
}

TEST(ConvTranspose, EpilogueAndDeepWeights) {
  // 1200 input channels: a panel of the weight does not fit one piece.
  const Case c = {.window = {.strides = {2}}, .group = 1, .x = {1, 1200, 4}, .w = {1200, 6, 2}, .y = {8}};
  const TestTensor x = noise(c.x, 1), w = noise(c.w, 2).as_constant();
  const std::vector<float> plain = run_ok(make(c), {x, w}).floats();
  EpilogueValues epilogue;
  epilogue.scale = {1, 2, 3, 4, 5, 6};
  epilogue.shift = {6, 5, 4, 3, 2, 1};
  epilogue.residual = noise({1, 6, 8}, 3).floats();
  epilogue.activation = {Activation::Kind::kClip, -1, 20};
  std::vector<float> want(plain.size());
  for (size_t i = 0; i < plain.size(); i++) {
    const float v = plain[i] * epilogue.scale[i / 8] + epilogue.shift[i / 8] + epilogue.residual[i];
    want[i] = std::min(std::max(v, -1.0f), 20.0f);
  }
  expect_near(run_ok(make(c), {x, w}, epilogue), want, 1e-4f);
  epilogue = {};
  epilogue.activation = {Activation::Kind::kLeakyRelu, 0.5f, 0};
  for (size_t i = 0; i < plain.size(); i++) want[i] = plain[i] < 0 ? 0.5f * plain[i] : plain[i];
  expect_near(run_ok(make(c), {x, w}, epilogue), want, 1e-4f);
}

TEST(ConvTranspose, BiasOfOtherTypes) {
  const auto half = [](Dims dims, std::vector<float> values) {
    std::vector<Float16> out;
    for (float v : values) out.emplace_back(v);
    return tensor_of(DataType::kFloat16, std::move(dims), out);
  };
  const TestTensor y = run_ok(make_conv_transpose({}, {}, {}, 1),
                              {half({1, 1, 2}, {1, 2}), half({1, 2, 2}, {1, 10, 3, 4}), half({2}, {0.5f, -1})});
  std::vector<float> values;
  for (Float16 v : y.values<Float16>()) values.push_back(v);
  EXPECT_EQ(values, (std::vector<float>{1.5f, 12.5f, 20.5f, 2, 9, 7}));
}

TEST(ConvTranspose, Refusals) {
  const TestTensor x = noise({1, 4, 5, 5}), w = noise({4, 3, 3, 3}).as_constant();
  const auto with = [](WindowAttributes window, std::vector<int64_t> padding, std::vector<int64_t> shape,
                       int64_t group = 1) {
    return make_conv_transpose(std::move(window), std::move(padding), std::move(shape), group);
  };
  expect_error(with({}, {}, {}), {x, noise({3, 3, 3, 3})}, ErrorCode::kShapeMismatch, "does not fit input");
  expect_error(with({}, {}, {}, 3), {x, w}, ErrorCode::kShapeMismatch, "3 groups");
  expect_error(with({}, {}, {}), {x, w, noise({4})}, ErrorCode::kShapeMismatch, "bias");
  expect_error(with({.kernel_shape = {2, 2}}, {}, {}), {x, w}, ErrorCode::kShapeMismatch, "kernel_shape");
  expect_error(with({.strides = {0, 1}}, {}, {}), {x, w}, ErrorCode::kModelInvalid, "strides");
  expect_error(with({.pads = {9, 9, 9, 9}}, {}, {}), {x, w}, ErrorCode::kShapeMismatch, "pads cut away");
  expect_error(with({}, {-1, 0}, {}), {x, w}, ErrorCode::kModelInvalid, "output_padding");
  expect_error(with({}, {}, {5}), {x, w}, ErrorCode::kModelInvalid, "output_shape");
  expect_error(with({.strides = {1 << 30, 1 << 30}}, {}, {}), {x, w}, ErrorCode::kOpUnsupported, "31 bits");
  expect_error(with({}, {}, {}), {x, i64({1, 1, 1, 1}, {1})}, ErrorCode::kShapeMismatch, "types");
}

}  // namespace
}  // namespace sealedge::testing
