// Quantisation against the formulas of the standard: steps, their ends, ties and what is no number; products of
// integers summed the plain way.
#include "graph/ops/quantised/quantize.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "graph/ops/quantised/quantized_product.h"
#include "typed_ops.h"

namespace sealedge::testing {
namespace {

float specials(RandomCase* random) {
  constexpr float kSpecial[] = {0.5f, -0.5f, 1.5f, 2.5f, 1e30f, -1e30f, 1e-40f, HUGE_VALF, -HUGE_VALF};
  return kSpecial[random->between(0, 8)];
}

// clamp(rint_half_even(x / scale) + zero) with the scale of the element's place along the axis, or of its block.
template <typename Y>
void quantize_follows_the_formula() {
  RandomCase random(21);
  for (int run = 0; run < 60; ++run) {
    const Dims dims = random.dims(static_cast<size_t>(random.between(1, 4)));
    const auto rank = static_cast<int64_t>(dims.size());
    const int64_t axis = random.between(-rank, rank - 1),
                  along = dims[static_cast<size_t>(axis < 0 ? axis + rank : axis)];
    const bool per_axis = random.between(0, 1) == 1;
    const Dims step_dims = per_axis ? Dims{along} : Dims{};
    const size_t steps = per_axis ? static_cast<size_t>(along) : 1;
    std::vector<float> x = random.floats(static_cast<size_t>(element_count(dims)), -20, 20);
    for (float& value : x) {
      if (random.between(0, 5) == 0) value = specials(&random);
    }
    const std::vector<float> scale = random.floats(steps, 0.25f, 1);
    const std::vector<int64_t> zero = random.ints(steps, std::is_signed_v<Y> ? -100 : 0, 100);
    const TestTensor zeros = typed<Y, int64_t>(step_dims, zero);
    const TestTensor y =
        typed_ok(make_quantize_linear({.axis = axis}), {f32(dims, x), f32(step_dims, scale), zeros})[0];
    const TestTensor back = typed_ok(make_dequantize_linear({.axis = axis}), {y, f32(step_dims, scale), zeros})[0];
    ASSERT_EQ(y.dims, dims);
    for_each_index(dims, [&](const Dims& at) {
      const size_t i = flat_index(dims, at);
      const auto s = per_axis ? static_cast<size_t>(at[static_cast<size_t>(axis < 0 ? axis + rank : axis)]) : 0;
      const double step = std::nearbyint(static_cast<double>(x[i] / scale[s])) + static_cast<double>(zero[s]);
      const double want = std::clamp(step, static_cast<double>(std::numeric_limits<Y>::min()),
                                     static_cast<double>(std::numeric_limits<Y>::max()));
      EXPECT_EQ(static_cast<double>(y.values<Y>()[i]), want) << x[i] << " / " << scale[s];
      EXPECT_EQ(back.floats()[i], static_cast<float>(want - static_cast<double>(zero[s])) * scale[s]);
    });
  }
}

TEST(QuantizeTest, StepsFollowTheFormula) {
  quantize_follows_the_formula<int8_t>();
  quantize_follows_the_formula<uint8_t>();
  quantize_follows_the_formula<int16_t>();
  quantize_follows_the_formula<uint16_t>();
}

// QuantizeLinear-21: one scale for each block of elements along the axis.
TEST(QuantizeTest, Blocks) {
  RandomCase random(22);
  const std::vector<float> x = random.floats(2 * 6 * 3, -9, 9), scale = random.floats(2 * 3 * 3, 0.1f, 1);
  const OpPtr op = make_quantize_linear({.axis = 1, .block_size = 2, .type = DataType::kInt8});
  const TestTensor y = typed_ok(op, {f32({2, 6, 3}, x), f32({2, 3, 3}, scale)})[0];
  ASSERT_EQ(y.type, DataType::kInt8);
  for_each_index({2, 6, 3}, [&](const Dims& at) {
    const size_t i = flat_index({2, 6, 3}, at), s = flat_index({2, 3, 3}, {at[0], at[1] / 2, at[2]});
    EXPECT_EQ(y.values<int8_t>()[i], std::clamp(std::nearbyint(x[i] / scale[s]), -128.0f, 127.0f));
  });
}

// As many scales and zero points as there are along the axis, or blocks of it.
TEST(QuantizeTest, ScalesFitTheAxis) {
  const TestTensor x = noise({2, 6, 3});
  const auto zeros = [](Dims dims) {
    const std::vector<int8_t> values(static_cast<size_t>(element_count(dims)), 0);
    return tensor_of(DataType::kInt8, std::move(dims), values);
  };
  const auto refused = [&](const QuantizeAttributes& attributes, const TestTensor& scale, const TestTensor& zero) {
    typed_error(make_quantize_linear(attributes), {x, scale, zero}, ErrorCode::kShapeMismatch, "does not fit");
    typed_error(make_dequantize_linear(attributes), {zeros({2, 6, 3}), scale, zero}, ErrorCode::kShapeMismatch,
                "does not fit");
  };
  typed_ok(make_quantize_linear({.axis = 1}), {x, noise({6}), zeros({6})});
  for (const Dims& dims : {Dims{0}, Dims{2}, Dims{3}, Dims{5}, Dims{7}, Dims{2, 3}}) {
    refused({.axis = 1}, noise(dims), zeros(dims));
  }
  for (const Dims& dims : {Dims{0}, Dims{1}, Dims{5}, Dims{7}}) refused({.axis = 1}, noise({6}), zeros(dims));
  refused({.axis = 1}, noise({}), zeros({6}));
  refused({.axis = 1}, noise({1, 1}), zeros({1, 1}));
  for (const Dims& dims : {Dims{2, 1, 3}, Dims{2, 3, 3}, Dims{1, 2, 3}, Dims{2, 2, 2}, Dims{2, 2}, Dims{2}, Dims{}}) {
    refused({.axis = 1, .block_size = 4}, noise(dims), zeros(dims));
  }
  typed_ok(make_quantize_linear({.axis = 1, .block_size = 4}), {x, noise({2, 2, 3}), zeros({2, 2, 3})});
  typed_error(make_quantize_linear({.axis = 3}), {x, noise({6}), zeros({6})}, ErrorCode::kModelInvalid, "axis");
  typed_error(make_quantize_linear({.axis = 1, .block_size = -1}), {x, noise({6}), zeros({6})},
              ErrorCode::kModelInvalid, "block_size");
}

// Steps of 4 and of 2 bits, a byte each in memory; with blocks and zero points, there and back.
TEST(QuantizeTest, StepsOfFewerBits) {
  constexpr struct {
    DataType type;
    float lo, hi;
  } kSteps[] = {
      {DataType::kInt4, -8, 7}, {DataType::kUint4, 0, 15}, {DataType::kInt2, -2, 1}, {DataType::kUint2, 0, 3}};
  RandomCase random(24);
  for (const auto& [type, lo, hi] : kSteps) {
    const std::vector<float> x = random.floats(2 * 6, -9, 9), scale = random.floats(2 * 2, 0.2f, 1);
    std::vector<int8_t> zero;
    for (int i = 0; i < 4; ++i) {
      zero.push_back(static_cast<int8_t>(random.between(static_cast<int64_t>(lo), static_cast<int64_t>(hi))));
    }
    const TestTensor zeros = tensor_of(type, {2, 2}, zero), scales = f32({2, 2}, scale);
    const QuantizeAttributes blocks = {.axis = 1, .block_size = 3};
    const TestTensor y = typed_ok(make_quantize_linear(blocks), {f32({2, 6}, x), scales, zeros})[0];
    ASSERT_EQ(y.type, type);
    const TestTensor back = typed_ok(make_dequantize_linear(blocks), {y, scales, zeros})[0];
    for (size_t i = 0; i < x.size(); ++i) {
      const float z = static_cast<float>(zero[i / 3]);
      const float want = std::clamp(std::nearbyint(x[i] / scale[i / 3]) + z, lo, hi);
      EXPECT_EQ(static_cast<float>(y.values<int8_t>()[i]), want) << data_type_name(type);
      EXPECT_EQ(back.floats()[i], (want - z) * scale[i / 3]);
    }
    // By the attribute alone, and with one scale for all.
    const TestTensor plain = typed_ok(make_quantize_linear({.type = type}), {f32({12}, x), f32({}, {0.5f})})[0];
    const TestTensor plain_back = typed_ok(make_dequantize_linear({}), {plain, f32({}, {0.5f})})[0];
    for (size_t i = 0; i < x.size(); ++i) {
      EXPECT_EQ(plain_back.floats()[i], std::clamp(std::nearbyint(x[i] * 2), lo, hi) / 2);
    }
    EXPECT_EQ(typed_ok(make_cast(DataType::kFloat32), {y})[0].floats()[0], static_cast<float>(y.values<int8_t>()[0]));
    typed_error(make_binary(BinaryKind::kAdd), {y, y}, ErrorCode::kOpUnsupported, data_type_name(type));
  }
}

// DynamicQuantizeLinear-11: the range from 0 to 0 at least, in 255 steps.
TEST(QuantizeTest, DynamicRange) {
  RandomCase random(23);
  for (int run = 0; run < 30; ++run) {
    const Dims dims = random.dims(static_cast<size_t>(random.between(1, 3)), 5, false);
    const auto shift = static_cast<float>(random.between(-6, 6));
    const std::vector<float> x = random.floats(static_cast<size_t>(element_count(dims)), -4 + shift, 4 + shift);
    const auto got = typed_ok(make_dynamic_quantize_linear(), {f32(dims, x)}, 3);
    const float low = std::min(0.0f, *std::min_element(x.begin(), x.end()));
    const float high = std::max(0.0f, *std::max_element(x.begin(), x.end()));
    const float scale = (high - low) / 255;
    const auto zero = static_cast<uint8_t>(std::clamp(std::nearbyint(0 - low / scale), 0.0f, 255.0f));
    EXPECT_EQ(got[1].floats(), std::vector<float>{scale});
    EXPECT_EQ(got[2].values<uint8_t>(), std::vector<uint8_t>{zero});
    for (size_t i = 0; i < x.size(); ++i) {
      EXPECT_EQ(got[0].values<uint8_t>()[i], std::clamp(std::nearbyint(x[i] / scale) + zero, 0.0f, 255.0f));
    }
  }
}

// Of nothing but zeros the scale is 1, as onnxruntime has it.
TEST(QuantizeTest, DynamicRangeOfZeros) {
  for (const TestTensor& x : {f32({3}, {0, 0, 0}), f32({0}, {})}) {
    const auto got = typed_ok(make_dynamic_quantize_linear(), {x}, 3);
    EXPECT_EQ(got[0].values<uint8_t>(), std::vector<uint8_t>(x.floats().size(), 0));
    EXPECT_EQ(got[1].floats(), std::vector<float>{1});
    EXPECT_EQ(got[2].values<uint8_t>(), std::vector<uint8_t>{0});
  }
}

struct Integers {
  TestTensor tensor;
  std::vector<int64_t> values;
};
// The whole range of the type: sums of 16 bits would overflow.
Integers eight_bits(RandomCase* random, const Dims& dims, bool is_signed) {
  std::vector<int64_t> values =
      random->ints(static_cast<size_t>(element_count(dims)), is_signed ? -128 : 0, is_signed ? 127 : 255);
  return {is_signed ? typed<int8_t, int64_t>(dims, values) : typed<uint8_t, int64_t>(dims, values), values};
}

// MatMulInteger-10 and QLinearMatMul-10: sum of (a - za)(b - zb); then m = fl32(fl32(sa * sb) / sy), rounded to even.
TEST(QuantizeTest, ProductsSumWholeNumbers) {
  RandomCase random(24);
  for (int run = 0; run < 60; ++run) {
    const int64_t m = random.between(0, 5), k = random.between(0, 20), n = random.between(0, 20);
    const bool a_signed = random.between(0, 1) == 1, b_signed = random.between(0, 1) == 1;
    const Integers a = eight_bits(&random, {m, k}, a_signed), b = eight_bits(&random, {k, n}, b_signed);
    const Integers za = eight_bits(&random, {}, a_signed), zb = eight_bits(&random, {}, b_signed);
    std::vector<int64_t> sums(static_cast<size_t>(m * n), 0);
    for_each_index({m, n, k}, [&](const Dims& at) {
      sums[static_cast<size_t>(at[0] * n + at[1])] +=
          (a.values[static_cast<size_t>(at[0] * k + at[2])] - za.values[0]) *
          (b.values[static_cast<size_t>(at[2] * n + at[1])] - zb.values[0]);
    });
    std::vector<TestTensor> inputs(ProductInput::kCount);
    inputs[ProductInput::kX] = a.tensor;
    inputs[ProductInput::kW] = b.tensor;
    inputs[ProductInput::kXZero] = za.tensor;
    inputs[ProductInput::kWZero] = zb.tensor;
    const TestTensor whole = typed_ok(make_quantized_matmul("MatMulInteger", false, {DataType::kInt32}), inputs)[0];
    ASSERT_EQ(whole.dims, (Dims{m, n}));
    for (size_t i = 0; i < sums.size(); ++i) EXPECT_EQ(whole.values<int32_t>()[i], sums[i]);

    const std::vector<float> scales = random.floats(2, 0.01f, 0.1f);
    // Nothing forbids a negative one.
    const float y_scale = random.floats(1, 0.5f, 20)[0] * (random.between(0, 3) == 0 ? -1.0f : 1.0f);
    const Integers zy = eight_bits(&random, {}, false);
    inputs[ProductInput::kXScale] = scalar_of(scales[0]);
    inputs[ProductInput::kWScale] = scalar_of(scales[1]);
    inputs[ProductInput::kYScale] = scalar_of(y_scale);
    inputs[ProductInput::kYZero] = zy.tensor;
    const TestTensor y = typed_ok(make_quantized_matmul("QLinearMatMul", false, {}), inputs)[0];
    const float multiplier = scales[0] * scales[1] / y_scale;
    for (size_t i = 0; i < sums.size(); ++i) {
      const double step = std::nearbyint(static_cast<double>(static_cast<float>(sums[i]) * multiplier));
      EXPECT_EQ(y.values<uint8_t>()[i], std::clamp(step + static_cast<double>(zy.values[0]), 0.0, 255.0));
    }
  }
}

// Channels are those of the groups.
TEST(QuantizeTest, ConvolutionRefusals) {
  const auto refused = [](int64_t group, int64_t channels, const Dims& w) {
    const auto bytes = [](Dims dims) {
      const std::vector<int8_t> ones(static_cast<size_t>(element_count(dims)), 1);
      return tensor_of(DataType::kInt8, std::move(dims), ones);
    };
    std::vector<TestTensor> inputs(ProductInput::kCount);
    inputs[ProductInput::kX] = bytes({1, channels, 4, 4});
    inputs[ProductInput::kW] = bytes(w);
    const OpPtr op = make_quantized_conv("ConvInteger", {}, group, {DataType::kInt32});
    const bool empty = element_count(w) == 0 && w[0] % group == 0;
    typed_error(op, inputs, empty ? ErrorCode::kOpUnsupported : ErrorCode::kShapeMismatch,
                empty ? "without channels" : "does not fit");
  };
  refused(1, 4, {0, 4, 2, 2});
  refused(8, 0, {8, 0, 2, 2});
  refused(1, 4, {2, 3, 2, 2});
  refused(1, 4, {2, 5, 2, 2});
  refused(2, 4, {2, 4, 2, 2});
  refused(2, 4, {2, 1, 2, 2});
  refused(2, 5, {2, 2, 2, 2});
  refused(2, 4, {3, 2, 2, 2});
  refused(8, 4, {9, 0, 2, 2});
}

// Scales and zero points are one, or one for each column; those of A and of the output are one.
TEST(QuantizeTest, ProductRefusals) {
  using P = ProductInput;
  const auto bytes = [](Dims dims) {
    const std::vector<uint8_t> ones(static_cast<size_t>(element_count(dims)), 1);
    return tensor_of(DataType::kUint8, std::move(dims), ones);
  };
  const auto numbers = [](Dims dims) {
    const std::vector<int32_t> ones(static_cast<size_t>(element_count(dims)), 1);
    return tensor_of(DataType::kInt32, std::move(dims), ones);
  };
  std::vector<TestTensor> fits(P::kCount);
  fits[P::kX] = bytes({2, 3});
  fits[P::kW] = bytes({3, 4});
  fits[P::kXScale] = fits[P::kYScale] = noise({});
  fits[P::kXZero] = fits[P::kYZero] = bytes({});
  fits[P::kWScale] = noise({4});
  fits[P::kWZero] = bytes({4});
  fits[P::kBias] = numbers({4});
  const OpPtr op = make_quantized_matmul("QLinearMatMul", false, {});
  EXPECT_EQ(typed_ok(op, fits)[0].dims, (Dims{2, 4}));
  const auto refused = [&](size_t input, const TestTensor& other, const char* part) {
    std::vector<TestTensor> inputs = fits;
    inputs[input] = other;
    typed_error(op, inputs, ErrorCode::kShapeMismatch, part);
  };
  for (const Dims& dims : {Dims{0}, Dims{2}, Dims{3}, Dims{5}, Dims{2, 4}}) {
    refused(P::kWScale, noise(dims), "scale of the weights");
    refused(P::kWZero, bytes(dims), "zero point of the weights");
    refused(P::kBias, numbers(dims), "bias");
  }
  refused(P::kBias, numbers({}), "bias");
  refused(P::kBias, noise({5}), "bias");
  for (const Dims& dims : {Dims{0}, Dims{4}}) {
    refused(P::kXScale, noise(dims), "scale of the first operand");
    refused(P::kXZero, bytes(dims), "zero point of the first operand");
    refused(P::kYScale, noise(dims), "scale of the output");
    refused(P::kYZero, bytes(dims), "zero point of the output");
  }
}

// numpy.matmul's batches: every matrix of one operand meets its own of the other, or the only one.
TEST(QuantizeTest, ProductsOfBatches) {
  RandomCase random(26);
  for (int run = 0; run < 60; ++run) {
    const int64_t m = random.between(1, 3), k = random.between(1, 6), n = random.between(1, 18);
    const Dims batch = {random.between(1, 3), random.between(1, 3)};
    const auto part = [&](int64_t rows, int64_t columns) {
      Dims dims;
      for (int64_t size : batch) dims.push_back(random.between(0, 1) == 0 ? 1 : size);
      dims.erase(dims.begin(), dims.begin() + random.between(0, 2));
      dims.insert(dims.end(), {rows, columns});
      return dims;
    };
    const Dims a_dims = part(m, k), b_dims = part(k, n);
    const Integers a = eight_bits(&random, a_dims, false), b = eight_bits(&random, b_dims, true);
    std::vector<TestTensor> inputs(ProductInput::kCount);
    inputs[ProductInput::kX] = a.tensor;
    inputs[ProductInput::kW] = b.tensor;
    const TestTensor y = typed_ok(make_quantized_matmul("MatMulInteger", false, {DataType::kInt32}), inputs)[0];
    // The batch of `dims` that belongs to this one of the result, and a place in it.
    const auto place = [&](const Dims& dims, const Dims& at, int64_t row, int64_t column) {
      Dims there;
      for (size_t d = 0; d + 2 < dims.size(); ++d) there.push_back(dims[d] == 1 ? 0 : at[at.size() - dims.size() + d]);
      there.insert(there.end(), {row, column});
      return flat_index(dims, there);
    };
    for_each_index(y.dims, [&](const Dims& at) {
      const int64_t row = at[at.size() - 2], column = at.back();
      int64_t sum = 0;
      for (int64_t i = 0; i < k; ++i)
        sum += a.values[place(a_dims, at, row, i)] * b.values[place(b_dims, at, i, column)];
      EXPECT_EQ(y.values<int32_t>()[flat_index(y.dims, at)], sum);
    });
  }
}

// ConvInteger-10: padding stands for the zero point, which is the number 0.
TEST(QuantizeTest, ConvolutionsSumWholeNumbers) {
  RandomCase random(25);
  for (int run = 0; run < 30; ++run) {
    const int64_t group = random.between(1, 3), each = random.between(1, 3), filters = group * random.between(1, 3);
    const int64_t kernel = random.between(1, 3), pad = random.between(0, 2), stride = random.between(1, 2);
    const int64_t size = kernel + random.between(0, 4), out = (size + 2 * pad - kernel) / stride + 1;
    const bool x_signed = random.between(0, 1) == 1;
    const Dims x_dims = {2, group * each, size, size}, w_dims = {filters, each, kernel, kernel};
    const Integers x = eight_bits(&random, x_dims, x_signed), w = eight_bits(&random, w_dims, true);
    const Integers zx = eight_bits(&random, {}, x_signed);
    const WindowAttributes window = {.strides = {stride, stride}, .pads = {pad, pad, pad, pad}};
    std::vector<TestTensor> inputs(ProductInput::kCount);
    inputs[ProductInput::kX] = x.tensor;
    inputs[ProductInput::kW] = w.tensor;
    inputs[ProductInput::kXZero] = zx.tensor;
    const OpPtr op = make_quantized_conv("ConvInteger", window, group, {DataType::kInt32});
    const TestTensor y = run_ok(op, inputs);  // channels last inside
    ASSERT_EQ(y.dims, (Dims{2, filters, out, out}));
    for_each_index(y.dims, [&](const Dims& at) {
      int64_t sum = 0;
      for_each_index({each, kernel, kernel}, [&](const Dims& tap) {
        const int64_t row = at[2] * stride + tap[1] - pad, column = at[3] * stride + tap[2] - pad;
        if (row < 0 || row >= size || column < 0 || column >= size) return;
        const int64_t channel = at[1] / (filters / group) * each + tap[0];
        sum += (x.values[flat_index(x_dims, {at[0], channel, row, column})] - zx.values[0]) *
               w.values[flat_index(w_dims, {at[1], tap[0], tap[1], tap[2]})];
      });
      EXPECT_EQ(y.values<int32_t>()[flat_index(y.dims, at)], sum);
    });
  }
}

}  // namespace
}  // namespace sealedge::testing
