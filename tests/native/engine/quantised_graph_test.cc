// Random QDQ graphs against a slow evaluator that is written from the formulas of docs/QUANTISATION.md and knows
// nothing of passes, layouts or kernels: every element equal. And what must not be rewritten is not.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

#include "run_model.h"

namespace sealedge {
namespace {

using testing::FloatTensor;
using testing::ModelBuilder;
using testing::node;
using testing::raw;

constexpr int kInt8 = 3, kUint8 = 2, kInt32 = 6;

struct Quant {
  bool is_signed;
  float scale;
  int zero;
  int lowest() const { return is_signed ? -128 : 0; }
  int type() const { return is_signed ? kInt8 : kUint8; }
};

// A quantised activation: NCHW, values as the integers they are.
struct Tensor8 {
  std::string name;
  std::vector<int64_t> dims;
  Quant q;
  std::vector<int> values;
  int64_t size() const { return static_cast<int64_t>(values.size()); }
};

float clamp_round(float v, float lo, float hi) { return std::nearbyint(std::fmin(std::fmax(v, lo), hi)); }

int to_step(float steps, const Quant& q) {
  const auto lo = static_cast<float>(q.lowest() - q.zero), hi = static_cast<float>(q.lowest() + 255 - q.zero);
  return static_cast<int>(clamp_round(steps, lo, hi)) + q.zero;
}
int quantise(float v, const Quant& q) { return to_step(v / q.scale, q); }
float dequantise(int v, const Quant& q) { return static_cast<float>(v - q.zero) * q.scale; }

// Builds a graph and its expected values at the same time.
class GraphMaker {
 public:
  explicit GraphMaker(uint32_t seed) : random_(seed) {
    model_.opset = 17;
    model_.input("x", {-1, 3, -1, -1});
    FloatTensor input{{1, 3, pick({7, 10}), pick({8, 11})}, {}};
    input.values.resize(static_cast<size_t>(3 * input.dims[2] * input.dims[3]));
    for (float& v : input.values) v = uniform(-3, 3);
    input_ = input;
    Tensor8 x = make(input.dims, quant(0.02f));
    for (float v : input.values) x.values.push_back(quantise(v, x.q));
    emit_quantise("x", x);
    now_ = x;
  }

  void layer() {
    switch (below(10)) {
      case 0:
      case 1:
      case 2:
        return convolution(false);
      case 3:
        return convolution(true);
      case 4:
        return add();
      case 5:
        return average_pool();
      case 6:
        return max_pool();
      case 7:
        return table();
      case 8:
        return concat();
      default:
        return multiply_channels();
    }
  }
  void head() {
    matrix();
    if (below(2) == 0) softmax();
  }

  void check() {
    model_.add(node("DequantizeLinear", {now_.name, scale(now_.q.scale), zero(now_.q)}, {"y"})).output("y");
    const auto got = testing::run_model(model_, {{"x", input_}});
    ASSERT_EQ(got.size(), 1u);
    ASSERT_EQ(got[0].dims, now_.dims);
    for (size_t i = 0; i < now_.values.size(); i++) {
      ASSERT_EQ(got[0].values[i], dequantise(now_.values[i], now_.q)) << "element " << i << " after " << story_;
    }
  }

 private:
  size_t below(size_t limit) { return random_() % limit; }
  int64_t pick(std::initializer_list<int64_t> values) { return values.begin()[below(values.size())]; }
  float uniform(float lo, float hi) { return std::uniform_real_distribution<float>(lo, hi)(random_); }
  std::string fresh(const char* what) { return std::string(what) + std::to_string(names_++); }

  Quant quant(float around) {
    const bool is_signed = below(2) == 0;
    return {is_signed, around * uniform(0.5f, 2.0f), static_cast<int>(below(200)) + 20 + (is_signed ? -128 : 0)};
  }
  Tensor8 make(std::vector<int64_t> dims, const Quant& q) { return {fresh("q"), std::move(dims), q, {}}; }

  std::string scale(float value) { return constant(testing::floats(fresh("s"), {}, {value})); }
  std::string zero(const Quant& q) {
    const std::string byte(1, static_cast<char>(q.zero));
    return constant(testing::tensor(fresh("z"), q.type(), {}, byte));
  }
  std::string constant(const testing::Proto& proto) {
    model_.constant(proto);
    // Field 8 is the name; it was made last.
    return last_name_of(proto);
  }
  static std::string last_name_of(const testing::Proto& proto) {
    const std::string& bytes = proto.str();
    for (size_t i = 0; i + 1 < bytes.size(); i++) {
      if (bytes[i] == (8 << 3 | 2)) return bytes.substr(i + 2, static_cast<size_t>(bytes[i + 1]));
    }
    return "";
  }
  std::string emit_dequantise(const Tensor8& t) {
    const std::string name = fresh("f");
    model_.add(node("DequantizeLinear", {t.name, scale(t.q.scale), zero(t.q)}, {name}));
    return name;
  }
  void emit_quantise(const std::string& from, const Tensor8& to) {
    model_.add(node("QuantizeLinear", {from, scale(to.q.scale), zero(to.q)}, {to.name}));
  }
  // None, Relu, or Clip between two numbers; in real numbers.
  struct Clamp {
    float lo = -INFINITY, hi = INFINITY;
  };
  Clamp activation(std::string* value) {
    Clamp clamp;
    const size_t kind = below(3);
    if (kind == 0) return clamp;
    const std::string out = fresh("f");
    if (kind == 1) {
      clamp.lo = 0;
      model_.add(node("Relu", {*value}, {out}));
    } else {
      clamp = {-0.5f, 1.25f};
      model_.add(node("Clip", {*value, scale(clamp.lo), scale(clamp.hi)}, {out}));
    }
    *value = out;
    return clamp;
  }
  // What an activation makes of a rounded result: the bounds are rounded likewise.
  static int bounded(int v, const Clamp& clamp, const Quant& q) {
    return std::clamp(v, quantise(clamp.lo, q), quantise(clamp.hi, q));
  }

  // Weights of `channels` rows of `depth`, their scales and zero points, as a DequantizeLinear of constants.
  struct Weights {
    std::vector<int> values, zeros;
    std::vector<float> scales;
    bool is_signed;
    std::string f;
  };
  Weights weights(const std::vector<int64_t>& dims, int64_t channel_axis) {
    Weights w;
    const int64_t channels = dims[static_cast<size_t>(channel_axis)];
    int64_t count = 1;
    for (int64_t dim : dims) count *= dim;
    w.is_signed = below(3) != 0;
    const bool per_channel = below(2) == 0, zeros = below(3) == 0;
    std::string bytes;
    for (int64_t i = 0; i < count; i++) {
      w.values.push_back(static_cast<int>(below(256)) - (w.is_signed ? 128 : 0));
      bytes.push_back(static_cast<char>(w.values.back()));
    }
    std::string zero_bytes;
    const size_t scales = per_channel ? static_cast<size_t>(channels) : 1;
    for (size_t i = 0; i < scales; i++) {
      w.scales.push_back(uniform(0.001f, 0.004f));
      w.zeros.push_back(!zeros ? (w.is_signed ? 0 : 128) : static_cast<int>(below(100)));
      zero_bytes.push_back(static_cast<char>(w.zeros.back()));
    }
    const int type = w.is_signed ? kInt8 : kUint8;
    const std::vector<int64_t> scale_dims = per_channel ? std::vector<int64_t>{channels} : std::vector<int64_t>{};
    const std::string s = constant(testing::floats(fresh("s"), scale_dims, w.scales));
    const std::string z = constant(testing::tensor(fresh("z"), type, scale_dims, zero_bytes));
    std::string q;
    if (below(4) == 0) {
      // As training aware of quantisation leaves them: float numbers, quantised in the graph.
      std::vector<float> numbers;
      const int64_t inner = channel_axis == 0 ? count / channels : 1;
      for (int64_t i = 0; i < count; i++) {
        const int64_t o = i / inner % channels;
        const auto steps = static_cast<float>(w.values[static_cast<size_t>(i)] - of_channel(w.zeros, o));
        numbers.push_back(steps * of_channel(w.scales, o));
      }
      const std::string f = constant(testing::floats(fresh("w"), dims, numbers));
      q = fresh("w");
      model_.add(node("QuantizeLinear", {f, s, z}, {q}, {testing::int_attribute("axis", channel_axis)}));
    } else {
      q = constant(testing::tensor(fresh("w"), type, dims, bytes));
    }
    w.f = fresh("f");
    model_.add(node("DequantizeLinear", {q, s, z}, {w.f}, {testing::int_attribute("axis", channel_axis)}));
    return w;
  }
  template <typename T>
  static T of_channel(const std::vector<T>& values, int64_t o) {
    return values.size() == 1 ? values[0] : values[static_cast<size_t>(o)];
  }
  std::string emit_bias(const std::vector<int>& values, const std::vector<float>& scales) {
    const auto count = static_cast<int64_t>(values.size());
    const std::vector<int32_t> data(values.begin(), values.end());
    const std::string q = constant(testing::tensor(fresh("b"), kInt32, {count}, raw(data)));
    const std::string s = constant(testing::floats(fresh("s"), {count}, scales));
    const std::string f = fresh("f");
    model_.add(node("DequantizeLinear", {q, s}, {f}, {testing::int_attribute("axis", 0)}));
    return f;
  }

  void convolution(bool depthwise) {
    const int64_t in = now_.dims[1], out = depthwise ? in : pick({1, 5, 16, 19});
    const int64_t kernel = pick({1, 3}), stride = pick({1, 1, 2}), pad = kernel / 2, group = depthwise ? in : 1;
    if (now_.dims[2] + 2 * pad < kernel || now_.dims[3] + 2 * pad < kernel) return;
    story_ += depthwise ? " depthwise" : " conv";
    const Weights w = weights({out, in / group, kernel, kernel}, 0);
    const bool with_bias = below(2) == 0;
    std::vector<int> bias;
    std::vector<float> bias_scales;
    for (int64_t o = 0; o < out; o++) {
      bias.push_back(with_bias ? static_cast<int>(below(2001)) - 1000 : 0);
      bias_scales.push_back(now_.q.scale * of_channel(w.scales, o));
    }
    std::vector<std::string> inputs = {emit_dequantise(now_), w.f};
    if (with_bias) inputs.push_back(emit_bias(bias, bias_scales));
    std::string f = fresh("f");
    model_.add(node("Conv", inputs, {f},
                    {testing::ints_attribute("pads", {pad, pad, pad, pad}),
                     testing::ints_attribute("strides", {stride, stride}), testing::int_attribute("group", group)}));
    const Clamp clamp = activation(&f);
    const int64_t h = (now_.dims[2] + 2 * pad - kernel) / stride + 1,
                  width = (now_.dims[3] + 2 * pad - kernel) / stride + 1;
    Tensor8 y = make({1, out, h, width}, quant(0.05f));
    emit_quantise(f, y);
    const int64_t per_group = in / group;
    for (int64_t o = 0; o < out; o++) {
      const float m = now_.q.scale * of_channel(w.scales, o) / y.q.scale;
      for (int64_t oh = 0; oh < h; oh++) {
        for (int64_t ow = 0; ow < width; ow++) {
          int32_t sum = bias[static_cast<size_t>(o)];
          for (int64_t ic = 0; ic < per_group; ic++) {
            for (int64_t k = 0; k < kernel * kernel; k++) {
              const int64_t ih = oh * stride + k / kernel - pad, iw = ow * stride + k % kernel - pad;
              if (ih < 0 || iw < 0 || ih >= now_.dims[2] || iw >= now_.dims[3]) continue;
              const int64_t channel = (depthwise ? o : 0) + ic;
              const int a = now_.values[static_cast<size_t>((channel * now_.dims[2] + ih) * now_.dims[3] + iw)];
              const int b = w.values[static_cast<size_t>((o * per_group + ic) * kernel * kernel + k)];
              sum += (a - now_.q.zero) * (b - of_channel(w.zeros, o));
            }
          }
          y.values.push_back(bounded(to_step(static_cast<float>(sum) * m, y.q), clamp, y.q));
        }
      }
    }
    now_ = y;
  }

  void add() {
    story_ += " add";
    Tensor8 other = make(now_.dims, quant(0.05f));
    emit_quantise(emit_dequantise(now_), other);  // the same in other steps
    for (int v : now_.values) other.values.push_back(quantise(dequantise(v, now_.q), other.q));
    std::string f = fresh("f");
    model_.add(node("Add", {emit_dequantise(now_), emit_dequantise(other)}, {f}));
    const Clamp clamp = activation(&f);
    Tensor8 y = make(now_.dims, quant(0.06f));
    emit_quantise(f, y);
    for (size_t i = 0; i < now_.values.size(); i++) {
      const float sum = dequantise(now_.values[i], now_.q) + dequantise(other.values[i], other.q);
      y.values.push_back(bounded(quantise(sum, y.q), clamp, y.q));
    }
    now_ = y;
  }

  // Squeeze and excitation: a mean per channel, as a factor of every pixel.
  void multiply_channels() {
    story_ += " gate";
    Tensor8 mean = make({1, now_.dims[1], 1, 1}, quant(0.02f));
    const std::string f = fresh("f");
    model_.add(node("GlobalAveragePool", {emit_dequantise(now_)}, {f}));
    emit_quantise(f, mean);
    const int64_t pixels = now_.dims[2] * now_.dims[3];
    for (int64_t c = 0; c < now_.dims[1]; c++) {
      int32_t sum = 0;
      for (int64_t i = 0; i < pixels; i++) sum += now_.values[static_cast<size_t>(c * pixels + i)] - now_.q.zero;
      const float ratio = now_.q.scale / mean.q.scale;
      mean.values.push_back(to_step(static_cast<float>(sum) * ratio / static_cast<float>(pixels), mean.q));
    }
    const std::string product = fresh("f");
    model_.add(node("Mul", {emit_dequantise(now_), emit_dequantise(mean)}, {product}));
    Tensor8 y = make(now_.dims, quant(0.03f));
    emit_quantise(product, y);
    for (size_t i = 0; i < now_.values.size(); i++) {
      const float factor = dequantise(mean.values[i / static_cast<size_t>(pixels)], mean.q);
      y.values.push_back(quantise(dequantise(now_.values[i], now_.q) * factor, y.q));
    }
    now_ = y;
  }

  template <typename Window>
  void pool(const char* op_type, const Quant& q, Window window) {
    if (now_.dims[2] < 2 || now_.dims[3] < 2) return;
    story_ += std::string(" ") + op_type;
    const std::string f = fresh("f");
    model_.add(node(op_type, {emit_dequantise(now_)}, {f},
                    {testing::ints_attribute("kernel_shape", {2, 2}), testing::ints_attribute("strides", {1, 2})}));
    Tensor8 y = make({1, now_.dims[1], now_.dims[2] - 1, (now_.dims[3] - 2) / 2 + 1}, q);
    emit_quantise(f, y);
    for (int64_t c = 0; c < y.dims[1]; c++) {
      for (int64_t h = 0; h < y.dims[2]; h++) {
        for (int64_t w = 0; w < y.dims[3]; w++) {
          std::vector<int> inside;
          for (int64_t k = 0; k < 4; k++) {
            inside.push_back(
                now_.values[static_cast<size_t>((c * now_.dims[2] + h + k / 2) * now_.dims[3] + 2 * w + k % 2)]);
          }
          y.values.push_back(window(inside, y.q));
        }
      }
    }
    now_ = y;
  }
  void average_pool() {
    pool("AveragePool", quant(0.05f), [&](const std::vector<int>& inside, const Quant& q) {
      int32_t sum = 0;
      for (int v : inside) sum += v - now_.q.zero;
      return to_step(static_cast<float>(sum) * (now_.q.scale / q.scale) / 4.0f, q);
    });
  }
  void max_pool() {
    const Quant q = below(2) == 0 ? now_.q : quant(0.05f);
    pool("MaxPool", q, [&](const std::vector<int>& inside, const Quant& to) {
      return quantise(dequantise(*std::ranges::max_element(inside), now_.q), to);
    });
  }

  void table() {
    story_ += " table";
    const std::string f = emit_dequantise(now_), g = fresh("f");
    std::function<float(float)> function;
    std::string result = g;
    if (below(2) == 0) {
      model_.add(node("LeakyRelu", {f}, {g}, {testing::float_attribute("alpha", 0.125f)}));
      function = [](float v) { return v < 0 ? v * 0.125f : v; };
    } else {
      // x * relu(x) + 1: several nodes with two readers and a number between them.
      result = fresh("f");
      const std::string h = fresh("f");
      model_.add(node("Relu", {f}, {g}));
      model_.add(node("Mul", {f, g}, {h}));
      model_.add(node("Add", {h, scale(1.0f)}, {result}));
      function = [](float v) { return v * std::fmax(v, 0.0f) + 1.0f; };
    }
    Tensor8 y = make(now_.dims, quant(0.05f));
    emit_quantise(result, y);
    for (int v : now_.values) y.values.push_back(quantise(function(dequantise(v, now_.q)), y.q));
    now_ = y;
  }

  void concat() {
    if (now_.dims[1] > 20) return;
    story_ += " concat";
    Tensor8 other = make(now_.dims, quant(0.04f));
    emit_quantise(emit_dequantise(now_), other);
    for (int v : now_.values) other.values.push_back(quantise(dequantise(v, now_.q), other.q));
    const std::string f = fresh("f");
    model_.add(
        node("Concat", {emit_dequantise(now_), emit_dequantise(other)}, {f}, {testing::int_attribute("axis", 1)}));
    Tensor8 y = make(now_.dims, below(2) == 0 ? now_.q : quant(0.05f));
    y.dims[1] *= 2;
    emit_quantise(f, y);
    for (const Tensor8* part : std::initializer_list<const Tensor8*>{&now_, &other}) {
      for (int v : part->values) y.values.push_back(quantise(dequantise(v, part->q), y.q));
    }
    now_ = y;
  }

  // Flatten, then Gemm or MatMul, with a bias where there is one.
  void matrix() {
    story_ += " matrix";
    const std::string f = emit_dequantise(now_), flat = fresh("f");
    model_.add(node("Flatten", {f}, {flat}));
    const int64_t depth = now_.size(), out = pick({3, 16, 21});
    const bool gemm = below(2) == 0, trans_b = gemm && below(2) == 0;
    const Weights w = trans_b ? weights({out, depth}, 0) : weights({depth, out}, 1);
    std::vector<int> bias;
    std::vector<float> bias_scales;
    for (int64_t o = 0; o < out; o++) {
      bias.push_back(static_cast<int>(below(2001)) - 1000);
      bias_scales.push_back(now_.q.scale * of_channel(w.scales, o));
    }
    std::string g = fresh("f");
    if (gemm) {
      model_.add(node("Gemm", {flat, w.f, emit_bias(bias, bias_scales)}, {g},
                      {testing::int_attribute("transB", trans_b ? 1 : 0)}));
    } else {
      const std::string product = fresh("f");
      model_.add(node("MatMul", {flat, w.f}, {product}));
      model_.add(node("Add", {product, emit_bias(bias, bias_scales)}, {g}));
    }
    const Clamp clamp = activation(&g);
    Tensor8 y = make({1, out}, quant(0.1f));
    emit_quantise(g, y);
    for (int64_t o = 0; o < out; o++) {
      int32_t sum = bias[static_cast<size_t>(o)];
      for (int64_t k = 0; k < depth; k++) {
        const int b = w.values[static_cast<size_t>(trans_b ? o * depth + k : k * out + o)];
        sum += (now_.values[static_cast<size_t>(k)] - now_.q.zero) * (b - of_channel(w.zeros, o));
      }
      const float m = now_.q.scale * of_channel(w.scales, o) / y.q.scale;
      y.values.push_back(bounded(to_step(static_cast<float>(sum) * m, y.q), clamp, y.q));
    }
    now_ = y;
  }

  void softmax() {
    story_ += " softmax";
    const std::string f = fresh("f");
    model_.add(node("Softmax", {emit_dequantise(now_)}, {f}));
    Tensor8 y = make(now_.dims, {true, 1.0f / 256, -128});
    emit_quantise(f, y);
    const int max = *std::ranges::max_element(now_.values);
    const auto exponential = [&](int v) { return std::exp(static_cast<double>(v - max) * double{now_.q.scale}); };
    double sum = 0;
    for (int v : now_.values) sum += exponential(v);
    for (int v : now_.values) y.values.push_back(quantise(static_cast<float>(exponential(v) / sum), y.q));
    now_ = y;
  }

  std::mt19937 random_;
  ModelBuilder model_;
  FloatTensor input_;
  Tensor8 now_;
  int names_ = 0;
  std::string story_;
};

TEST(QuantisedGraphTest, RandomGraphsEqualTheFormulas) {
  for (uint32_t seed = 0; seed < 120; seed++) {
    GraphMaker graph(seed);
    for (uint32_t layers = 0; layers < 1 + seed % 6; layers++) graph.layer();
    if (seed % 3 != 0) graph.head();
    graph.check();
    if (::testing::Test::HasFailure()) {
      std::printf("seed %u\n", seed);
      return;
    }
  }
}

// DequantizeLinear x, QuantizeLinear x: int8 in, int8 out, nothing between but what a test puts there.
ModelBuilder with_input() {
  ModelBuilder model;
  model.input("x", {1, 2, 4, 4})
      .constant(testing::floats("s", {}, {0.05f}))
      .constant(testing::tensor("z", kInt8, {}, std::string(1, 3)))
      .add(node("QuantizeLinear", {"x", "s", "z"}, {"q"}))
      .add(node("DequantizeLinear", {"q", "s", "z"}, {"f"}));
  return model;
}
FloatTensor image() {
  FloatTensor tensor{{1, 2, 4, 4}, {}};
  for (int i = 0; i < 32; i++) tensor.values.push_back(static_cast<float>(i * 7 % 13) * 0.3f - 1.5f);
  return tensor;
}

size_t steps_of(const ModelBuilder& model, const FloatTensor& input) {
  const auto session = Session::create_from_bytes(model.build(), {});
  EXPECT_TRUE(session.ok());
  if (!session.ok()) return 0;
  EXPECT_TRUE(testing::run_session(**session, {{"x", input}}).ok());
  return (*session)->report().step_count;
}

TEST(QuantisedGraphTest, QuantisingWhatWasJustDequantisedIsNothing) {
  ModelBuilder model = with_input();
  model.add(node("QuantizeLinear", {"f", "s", "z"}, {"q2"}))
      .add(node("DequantizeLinear", {"q2", "s", "z"}, {"y"}))
      .output("y");
  EXPECT_EQ(steps_of(model, image()), 2u);  // quantise, dequantise
}

// Nothing is left of the graph: its outputs are its input.
TEST(QuantisedGraphTest, AnOutputMayBeTheInput) {
  ModelBuilder model;
  model.input("x", {4}, kInt8)
      .constant(testing::floats("s", {}, {0.05f}))
      .constant(testing::tensor("z", kInt8, {}, std::string(1, 3)))
      .add(node("DequantizeLinear", {"x", "s", "z"}, {"f"}))
      .add(node("QuantizeLinear", {"f", "s", "z"}, {"y"}))
      .add(node("QuantizeLinear", {"f", "s", "z"}, {"y2"}))
      .output("y", kInt8)
      .output("y2", kInt8);
  const auto session = Session::create_from_bytes(model.build(), {});
  ASSERT_TRUE(session.ok()) << session.error().message;
  const std::vector<uint8_t> x = {0x80, 0xff, 0x00, 0x7f};
  const std::vector<int64_t> dims = {4};
  const std::vector<RunInput> inputs = {{"x", DataType::kInt8, dims, x}};
  std::vector<RunOutput> outputs(2);
  outputs[1].index = 1;
  const auto result = (*session)->run(inputs, outputs);
  ASSERT_TRUE(result.ok()) << result.error().message;
  for (const RunOutput& output : outputs) {
    ASSERT_EQ(output.size_bytes, x.size());
    EXPECT_EQ(std::memcmp(output.data.get(), x.data(), x.size()), 0);
  }
}

// Weights alone are quantised, some from float numbers in the graph itself: packed when planning, in either type.
TEST(QuantisedGraphTest, WeightsThatPlanningComputesArePackedOnce) {
  std::vector<float> w;
  for (int i = 0; i < 6 * 2 * 9; i++) w.push_back(static_cast<float>(i % 17) * 0.1f - 0.8f);
  // 200 times 6 rows of 18: more than is folded at import.
  std::vector<float> repeated;
  for (int i = 0; i < 200; i++) repeated.insert(repeated.end(), w.begin(), w.end());
  for (const bool quantised_input : {false, true}) {
    ModelBuilder model = with_input();
    model.constant(testing::floats("w", {1200, 2, 3, 3}, repeated))
        .constant(testing::floats("ws", {}, {0.1f}))
        .constant(testing::tensor("wz", kInt8, {}, std::string(1, 0)))
        .add(node("QuantizeLinear", {"w", "ws", "wz"}, {"wq"}))
        .add(node("DequantizeLinear", {"wq", "ws", "wz"}, {"wf"}))
        .add(node("Conv", {quantised_input ? "f" : "x", "wf"}, {"y"}))
        .output("y");
    const FloatTensor x = image();
    const auto got = testing::run_model(model, {{"x", x}});
    ASSERT_EQ(got.size(), 1u);
    const Quant q = {true, 0.05f, 3}, wq = {true, 0.1f, 0};
    for (size_t o = 0; o < 1200; o++) {
      for (size_t at = 0; at < 4; at++) {
        double sum = 0;
        for (size_t c = 0; c < 2; c++) {
          for (size_t k = 0; k < 9; k++) {
            const float v = x.values[c * 16 + (at / 2 + k / 3) * 4 + at % 2 + k % 3];
            const float weight = dequantise(quantise(w[(o % 6) * 18 + c * 9 + k], wq), wq);
            sum += double{quantised_input ? dequantise(quantise(v, q), q) : v} * double{weight};
          }
        }
        EXPECT_NEAR(got[0].values[o * 4 + at], sum, 1e-5) << o;
      }
    }
  }
}

// Quantised scalars are numbers: what is done with them is part of a table.
TEST(QuantisedGraphTest, QuantisedScalarsArePartOfTables) {
  ModelBuilder model = with_input();
  model.constant(testing::tensor("n", kInt8, {}, std::string(1, 40)))
      .add(node("DequantizeLinear", {"n", "s", "z"}, {"half"}))
      .add(node("Div", {"f", "half"}, {"d"}))
      .add(node("QuantizeLinear", {"d", "s", "z"}, {"q2"}))
      .add(node("DequantizeLinear", {"q2", "s", "z"}, {"y"}))
      .output("y");
  EXPECT_EQ(steps_of(model, image()), 3u);  // quantise, table, dequantise
  const FloatTensor x = image();
  const auto got = testing::run_model(model, {{"x", x}});
  ASSERT_EQ(got.size(), 1u);
  const Quant q = {true, 0.05f, 3};
  for (size_t i = 0; i < x.values.size(); i++) {
    const float v = dequantise(quantise(x.values[i], q), q) / dequantise(40, q);
    EXPECT_EQ(got[0].values[i], dequantise(quantise(v, q), q)) << i;
  }
}

// A number may have dimensions, of which there may be more than the tensor's.
TEST(QuantisedGraphTest, NumbersInTablesMayHaveMoreDimensions) {
  ModelBuilder model = with_input();
  model.constant(testing::floats("two", {1, 1, 1, 1, 1}, {2}))
      .constant(testing::floats("one", {1, 1}, {1}))
      .add(node("Mul", {"f", "two"}, {"m"}))
      .add(node("Add", {"one", "m"}, {"a"}))
      .add(node("QuantizeLinear", {"a", "s", "z"}, {"q2"}))
      .add(node("DequantizeLinear", {"q2", "s", "z"}, {"y"}))
      .output("y");
  EXPECT_EQ(steps_of(model, image()), 3u);  // quantise, table, dequantise
  const FloatTensor x = image();
  const auto got = testing::run_model(model, {{"x", x}});
  ASSERT_EQ(got.size(), 1u);
  std::vector<int64_t> dims = x.dims;
  dims.insert(dims.begin(), 1);
  EXPECT_EQ(got[0].dims, dims);
  const Quant q = {true, 0.05f, 3};
  for (size_t i = 0; i < x.values.size(); i++) {
    EXPECT_EQ(got[0].values[i], dequantise(quantise(1 + dequantise(quantise(x.values[i], q), q) * 2, q), q)) << i;
  }
}

// Passes look at weights before shapes are inferred: nothing is known of them yet, not even that they have channels.
TEST(QuantisedGraphTest, WeightsOfTheWrongRankAreRefused) {
  for (const char* op_type : {"Conv", "MatMul", "Gemm"}) {
    for (const std::vector<int64_t>& dims : std::vector<std::vector<int64_t>>{{}, {2}}) {
      ModelBuilder model = with_input();
      model.constant(testing::tensor("w", kInt8, dims, std::string(dims.empty() ? 1 : 2, 1)))
          .constant(testing::floats("ws", {2}, {0.01f, 0.02f}))
          .constant(testing::tensor("wz", kInt8, {2}, std::string(2, 0)))
          .add(node("DequantizeLinear", {"w", "ws", "wz"}, {"wf"}, {testing::int_attribute("axis", 0)}))
          .add(node(op_type, {"f", "wf"}, {"c"}))
          .add(node("QuantizeLinear", {"c", "s", "z"}, {"q2"}))
          .output("q2", kInt8);
      const auto session = Session::create_from_bytes(model.build(), {});
      if (!session.ok()) continue;
      EXPECT_FALSE(testing::run_session(**session, {{"x", image()}}).ok()) << op_type;
    }
  }
}

// What is derived for products that share their weights is bounded; the rest compute the same in every run.
TEST(QuantisedGraphTest, ManyProductsOfOneWeight) {
  constexpr int64_t kChannels = 1 << 20, kProducts = 20;
  ModelBuilder model;
  model.input("x", {1, 1}, kInt8)
      .constant(testing::tensor("w", kInt8, {1, kChannels}, std::string(kChannels, 3)))
      .constant(testing::floats("one", {}, {1}))
      .constant(testing::tensor("z", kInt8, {}, std::string(1, 0)));
  for (int64_t i = 0; i < kProducts; i++) {
    const std::string n = std::to_string(i);
    model.constant(testing::floats("s" + n, {}, {static_cast<float>(i + 1)}))
        .add(node("QLinearMatMul", {"x", "s" + n, "z", "w", "one", "z", "one", "z"}, {"p" + n}))
        .add(node("ReduceMax", {"p" + n}, {"y" + n}, {testing::int_attribute("keepdims", 0)}))
        .output("y" + n, kInt8);
  }
  const auto session = Session::create_from_bytes(model.build(), {});
  ASSERT_TRUE(session.ok()) << session.error().message;
  EXPECT_LT((*session)->report().constant_bytes, size_t{80} << 20);
  const std::vector<uint8_t> x = {2};
  const std::vector<int64_t> dims = {1, 1};
  std::vector<RunOutput> outputs(kProducts);
  for (size_t i = 0; i < outputs.size(); i++) outputs[i].index = i;
  const auto result = (*session)->run(std::vector<RunInput>{{"x", DataType::kInt8, dims, x}}, outputs);
  ASSERT_TRUE(result.ok()) << result.error().message;
  for (size_t i = 0; i < outputs.size(); i++) EXPECT_EQ(outputs[i].data[0], 6 * (i + 1));
}

TEST(QuantisedGraphTest, MovesHappenOnBytes) {
  ModelBuilder model = with_input();
  model.add(node("Transpose", {"f"}, {"t"}, {testing::ints_attribute("perm", {0, 2, 3, 1})}))
      .add(node("QuantizeLinear", {"t", "s", "z"}, {"q2"}))
      .add(node("DequantizeLinear", {"q2", "s", "z"}, {"y"}))
      .output("y");
  EXPECT_EQ(steps_of(model, image()), 3u);
}

TEST(QuantisedGraphTest, AFloatValueThatIsReadTwiceStays) {
  ModelBuilder model = with_input();
  model.constant(testing::tensor("w", kInt8, {2, 2, 1, 1}, std::string("\x05\x11\x7f\x80", 4)))
      .constant(testing::floats("ws", {}, {0.01f}))
      .add(node("DequantizeLinear", {"w", "ws"}, {"wf"}))
      .add(node("Conv", {"f", "wf"}, {"c"}))
      .add(node("QuantizeLinear", {"c", "s", "z"}, {"q2"}))
      .add(node("DequantizeLinear", {"q2", "s", "z"}, {"y"}))
      .output("y")
      .output("c");
  const auto got = testing::run_model(model, {{"x", image()}});
  ASSERT_EQ(got.size(), 2u);
  for (size_t i = 0; i < got[0].values.size(); i++) EXPECT_NEAR(got[0].values[i], got[1].values[i], 0.0251f);
}

// Every operator that quantise_moves.cc lets past a DequantizeLinear: the bytes moved, then dequantised, are the
// numbers moved.
TEST(QuantisedGraphTest, EveryMoveKeepsTheValues) {
  struct Move {
    const char* op_type;
    std::vector<testing::Proto> constants;
    std::vector<std::string> more_inputs;
    std::vector<testing::Proto> attributes;
    std::vector<std::string> outputs = {"y"};
  };
  using testing::int64s;
  using testing::int_attribute;
  using testing::ints_attribute;
  const std::vector<Move> moves = {
      {"DepthToSpace", {}, {}, {int_attribute("blocksize", 1)}},
      {"SpaceToDepth", {}, {}, {int_attribute("blocksize", 2)}},
      {"Expand", {int64s("to", {4}, {3, 2, 4, 4})}, {"to"}, {}},
      {"Flatten", {}, {}, {int_attribute("axis", 2)}},
      {"Gather", {int64s("at", {2}, {3, -2})}, {"at"}, {int_attribute("axis", 2)}},
      {"GlobalMaxPool", {}, {}, {}},
      {"Identity", {}, {}, {}},
      {"MaxPool", {}, {}, {ints_attribute("kernel_shape", {3, 2}), ints_attribute("pads", {1, 0, 1, 1})}},
      {"MaxPool",
       {},
       {},
       {ints_attribute("kernel_shape", {3, 3}), int_attribute("ceil_mode", 1), ints_attribute("strides", {2, 2})}},
      {"Pad", {int64s("pads", {8}, {0, 1, 0, 2, 0, 0, 1, 0})}, {"pads"}, {}},
      {"Pad", {int64s("pads", {8}, {0, 0, 1, 2, 0, 0, 1, 0}), testing::floats("v", {}, {0.1f})}, {"pads", "v"}, {}},
      {"Pad", {int64s("pads", {8}, {0, 0, 1, 2, 0, 0, 1, 0}), testing::floats("v", {}, {0.123f})}, {"pads", "v"}, {}},
      {"Pad",
       {int64s("pads", {8}, {0, 0, 1, 2, 0, 0, 1, 0})},
       {"pads"},
       {testing::string_attribute("mode", "reflect")}},
      {"Reshape", {int64s("to", {2}, {8, 4})}, {"to"}, {}},
      {"Slice",
       {int64s("a", {2}, {3, 1}), int64s("b", {2}, {-9, 4}), int64s("c", {2}, {2, 3}), int64s("d", {2}, {-2, 1})},
       {"a", "b", "c", "d"},
       {}},
      {"Split", {int64s("parts", {2}, {1, 3})}, {"parts"}, {int_attribute("axis", 3)}, {"y", "y2"}},
      {"Squeeze", {int64s("axes", {1}, {0})}, {"axes"}, {}},
      {"Tile", {int64s("times", {4}, {1, 2, 1, 3})}, {"times"}, {}},
      {"Transpose", {}, {}, {ints_attribute("perm", {3, 1, 0, 2})}},
      {"Unsqueeze", {int64s("axes", {1}, {2})}, {"axes"}, {}},
  };
  const FloatTensor x = image();
  FloatTensor dequantised = x;
  const Quant q = {true, 0.05f, 3};
  for (float& v : dequantised.values) v = dequantise(quantise(v, q), q);
  for (const Move& move : moves) {
    ModelBuilder quantised = with_input(), plain;
    plain.input("x", {1, 2, 4, 4});
    std::vector<std::string> inputs = {"f"}, plain_inputs = {"x"};
    for (const std::string& name : move.more_inputs) {
      inputs.push_back(name);
      plain_inputs.push_back(name);
    }
    for (const auto& constant : move.constants) {
      quantised.constant(constant);
      plain.constant(constant);
    }
    quantised.add(node(move.op_type, inputs, move.outputs, move.attributes));
    plain.add(node(move.op_type, plain_inputs, move.outputs, move.attributes));
    for (const std::string& output : move.outputs) {
      quantised.output(output);
      plain.output(output);
    }
    const auto got = testing::run_model(quantised, {{"x", x}});
    const auto want = testing::run_model(plain, {{"x", dequantised}});
    ASSERT_EQ(got.size(), want.size()) << move.op_type;
    for (size_t i = 0; i < got.size(); i++) {
      EXPECT_EQ(got[i].dims, want[i].dims) << move.op_type;
      EXPECT_EQ(got[i].values, want[i].values) << move.op_type;
    }
  }
}

// A convolution whose result nothing quantises, with a bias that has a zero point and another scale than the sums.
TEST(QuantisedGraphTest, ProductsThatStayFloatComeFromTheSameSums) {
  ModelBuilder model = with_input();
  const std::vector<int32_t> bias = {1007, -300};
  model.constant(testing::tensor("w", kInt8, {2, 2, 1, 1}, std::string("\x05\x11\x7f\x80", 4)))
      .constant(testing::floats("ws", {2}, {0.01f, 0.03f}))
      .constant(testing::tensor("b", kInt32, {2}, raw(bias)))
      .constant(testing::floats("bs", {2}, {0.001f, 0.03f * 0.05f}))
      .constant(testing::tensor("bz", kInt32, {2}, raw(std::vector<int32_t>{7, 0})))
      .add(node("DequantizeLinear", {"w", "ws"}, {"wf"}, {testing::int_attribute("axis", 0)}))
      .add(node("DequantizeLinear", {"b", "bs", "bz"}, {"bf"}, {testing::int_attribute("axis", 0)}))
      .add(node("Conv", {"f", "wf", "bf"}, {"y"}))
      .output("y");
  const FloatTensor x = image();
  const auto got = testing::run_model(model, {{"x", x}});
  ASSERT_EQ(got.size(), 1u);
  const Quant q = {true, 0.05f, 3};
  const int weights[2][2] = {{5, 17}, {127, -128}};
  for (size_t o = 0; o < 2; o++) {
    const float step = 0.05f * (o == 0 ? 0.01f : 0.03f);
    for (size_t i = 0; i < 16; i++) {
      int32_t sum =
          o == 0 ? static_cast<int32_t>(std::nearbyint(1000 * static_cast<double>(0.001f) / static_cast<double>(step)))
                 : -300;
      for (size_t c = 0; c < 2; c++) sum += (quantise(x.values[c * 16 + i], q) - 3) * weights[o][c];
      EXPECT_EQ(got[0].values[o * 16 + i], static_cast<float>(sum) * step) << o << " " << i;
    }
  }
}

// onnxruntime's own operators say the same as theirs of ONNX between DequantizeLinear and QuantizeLinear.
TEST(QuantisedGraphTest, OperatorsOfOnnxruntimeEqualTheirQdqForms) {
  const std::string domain = "com.microsoft";
  const auto with_scales = [] {
    return with_input()
        .constant(testing::floats("s2", {}, {0.07f}))
        .constant(testing::tensor("z2", kUint8, {}, "\x42"));
  };
  struct Form {
    testing::Proto theirs, onnx;
  };
  const std::vector<Form> forms = {
      {node("QLinearAdd", {"q", "s", "z", "q", "s", "z", "s2", "z2"}, {"r"}, {}, domain),
       node("Add", {"f", "f"}, {"g"})},
      {node("QLinearMul", {"q", "s", "z", "q", "s", "z", "s2", "z2"}, {"r"}, {}, domain),
       node("Mul", {"f", "f"}, {"g"})},
      {node("QLinearSigmoid", {"q", "s", "z", "s2", "z2"}, {"r"}, {}, domain), node("Sigmoid", {"f"}, {"g"})},
      {node("QLinearLeakyRelu", {"q", "s", "z", "s2", "z2"}, {"r"}, {testing::float_attribute("alpha", 0.2f)}, domain),
       node("LeakyRelu", {"f"}, {"g"}, {testing::float_attribute("alpha", 0.2f)})},
      {node("QLinearSoftmax", {"q", "s", "z", "s2", "z2"}, {"r"},
            {testing::int_attribute("axis", 1), testing::int_attribute("opset", 13)}, domain),
       node("Softmax", {"f"}, {"g"}, {testing::int_attribute("axis", 1)})},
      {node("QLinearGlobalAveragePool", {"q", "s", "z", "s2", "z2"}, {"r"}, {}, domain),
       node("GlobalAveragePool", {"f"}, {"g"})},
      {node("QLinearAveragePool", {"q", "s", "z", "s2", "z2"}, {"r"}, {testing::ints_attribute("kernel_shape", {3, 2})},
            domain),
       node("AveragePool", {"f"}, {"g"}, {testing::ints_attribute("kernel_shape", {3, 2})})},
      {node("QLinearConcat", {"s2", "z2", "q", "s", "z", "q", "s", "z"}, {"r"}, {testing::int_attribute("axis", 3)},
            domain),
       node("Concat", {"f", "f"}, {"g"}, {testing::int_attribute("axis", 3)})},
  };
  for (const Form& form : forms) {
    ModelBuilder theirs = with_scales(), onnx = with_scales();
    theirs.add(form.theirs).add(node("DequantizeLinear", {"r", "s2", "z2"}, {"y"})).output("y");
    onnx.add(form.onnx)
        .add(node("QuantizeLinear", {"g", "s2", "z2"}, {"r"}))
        .add(node("DequantizeLinear", {"r", "s2", "z2"}, {"y"}))
        .output("y");
    const auto got = testing::run_model(theirs, {{"x", image()}}), want = testing::run_model(onnx, {{"x", image()}});
    ASSERT_EQ(got.size(), 1u);
    ASSERT_EQ(want.size(), 1u);
    EXPECT_EQ(got[0].dims, want[0].dims);
    EXPECT_EQ(got[0].values, want[0].values);
  }
}

// QGemm and MatMulIntegerToFloat against plain sums.
TEST(QuantisedGraphTest, ProductsOfOnnxruntimeAreExact) {
  const std::string weights("\x05\x11\x7f\x80\x01\xff\x20\x90", 8);  // (4, 2)
  const std::vector<int32_t> bias = {100, -7};
  const auto common = [&] {
    return with_input()
        .constant(testing::tensor("w", kInt8, {4, 2}, weights))
        .constant(testing::floats("ws", {}, {0.01f}))
        .constant(testing::tensor("wz", kInt8, {}, std::string(1, 2)))
        .constant(testing::tensor("b", kInt32, {2}, raw(bias)))
        .constant(testing::int64s("to", {2}, {8, 4}))
        .add(node("Reshape", {"q", "to"}, {"m"}));
  };
  ModelBuilder gemm = common(), product = common();
  gemm.add(node("QGemm", {"m", "s", "z", "w", "ws", "wz", "b", "s", "z"}, {"r"}, {}, "com.microsoft"))
      .add(node("DequantizeLinear", {"r", "s", "z"}, {"y"}))
      .output("y");
  product.add(node("MatMulIntegerToFloat", {"m", "w", "s", "ws", "z", "wz"}, {"y"}, {}, "com.microsoft")).output("y");
  const FloatTensor x = image();
  const auto from_gemm = testing::run_model(gemm, {{"x", x}}), from_product = testing::run_model(product, {{"x", x}});
  ASSERT_EQ(from_gemm.size(), 1u);
  ASSERT_EQ(from_product.size(), 1u);
  const Quant q = {true, 0.05f, 3};
  for (size_t row = 0; row < 8; row++) {
    for (size_t o = 0; o < 2; o++) {
      int32_t sum = 0;
      for (size_t k = 0; k < 4; k++) {
        sum += (quantise(x.values[row * 4 + k], q) - 3) * (static_cast<int8_t>(weights[k * 2 + o]) - 2);
      }
      const float step = 0.05f * 0.01f;
      EXPECT_EQ(from_product[0].values[row * 2 + o], static_cast<float>(sum) * step);
      EXPECT_EQ(from_gemm[0].values[row * 2 + o],
                dequantise(to_step(static_cast<float>(sum + bias[o]) * (step / 0.05f), q), q));
    }
  }
}

// float16 scales, and one scale per channel of an activation, are computed in float32.
TEST(QuantisedGraphTest, WhatIsNotMatchedIsComputedInFloat) {
  ModelBuilder model;
  model.input("x", {1, 2, 4, 4})
      .constant(testing::floats("s", {2}, {0.05f, 0.1f}))
      .constant(testing::tensor("z", kUint8, {2}, std::string("\x80\x10", 2)))
      .constant(testing::floats("s1", {}, {0.05f}))
      .add(node("QuantizeLinear", {"x", "s", "z"}, {"q"}))
      .add(node("DequantizeLinear", {"q", "s", "z"}, {"f"}))
      .add(node("Relu", {"f"}, {"r"}))
      .add(node("QuantizeLinear", {"r", "s1"}, {"q2"}))
      .add(node("DequantizeLinear", {"q2", "s1"}, {"y"}))
      .output("y");
  const FloatTensor x = image();
  const auto got = testing::run_model(model, {{"x", x}});
  ASSERT_EQ(got.size(), 1u);
  for (size_t i = 0; i < x.values.size(); i++) {
    const Quant first = i < 16 ? Quant{false, 0.05f, 128} : Quant{false, 0.1f, 16}, second = {false, 0.05f, 0};
    const float v = std::fmax(dequantise(quantise(x.values[i], first), first), 0.0f);
    EXPECT_EQ(got[0].values[i], dequantise(quantise(v, second), second)) << i;
  }
}

}  // namespace
}  // namespace sealedge
