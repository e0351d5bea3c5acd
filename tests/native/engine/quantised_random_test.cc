// Random QDQ graphs against a slow evaluator that is written from the formulas of docs/QUANTISATION.md and knows
// nothing of passes, layouts or kernels: every element equal.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

#include "quantised_models.h"

namespace sealedge {
namespace {

using namespace testing;

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
    const auto got = run_model(model_, {{"x", input_}});
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

  std::string scale(float value) { return constant(floats(fresh("s"), {}, {value})); }
  std::string zero(const Quant& q) {
    const std::string byte(1, static_cast<char>(q.zero));
    return constant(tensor(fresh("z"), q.type(), {}, byte));
  }
  std::string constant(const Proto& proto) {
    model_.constant(proto);
    // Field 8 is the name; it was made last.
    return last_name_of(proto);
  }
  static std::string last_name_of(const Proto& proto) {
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
    const std::string s = constant(floats(fresh("s"), scale_dims, w.scales));
    const std::string z = constant(tensor(fresh("z"), type, scale_dims, zero_bytes));
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
      const std::string f = constant(floats(fresh("w"), dims, numbers));
      q = fresh("w");
      model_.add(node("QuantizeLinear", {f, s, z}, {q}, {int_attribute("axis", channel_axis)}));
    } else {
      q = constant(tensor(fresh("w"), type, dims, bytes));
    }
    w.f = fresh("f");
    model_.add(node("DequantizeLinear", {q, s, z}, {w.f}, {int_attribute("axis", channel_axis)}));
    return w;
  }
  template <typename T>
  static T of_channel(const std::vector<T>& values, int64_t o) {
    return values.size() == 1 ? values[0] : values[static_cast<size_t>(o)];
  }
  std::string emit_bias(const std::vector<int>& values, const std::vector<float>& scales) {
    const auto count = static_cast<int64_t>(values.size());
    const std::vector<int32_t> data(values.begin(), values.end());
    const std::string q = constant(tensor(fresh("b"), kInt32, {count}, raw(data)));
    const std::string s = constant(floats(fresh("s"), {count}, scales));
    const std::string f = fresh("f");
    model_.add(node("DequantizeLinear", {q, s}, {f}, {int_attribute("axis", 0)}));
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
                    {ints_attribute("pads", {pad, pad, pad, pad}), ints_attribute("strides", {stride, stride}),
                     int_attribute("group", group)}));
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
                    {ints_attribute("kernel_shape", {2, 2}), ints_attribute("strides", {1, 2})}));
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
      model_.add(node("LeakyRelu", {f}, {g}, {float_attribute("alpha", 0.125f)}));
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
    model_.add(node("Concat", {emit_dequantise(now_), emit_dequantise(other)}, {f}, {int_attribute("axis", 1)}));
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
      model_.add(
          node("Gemm", {flat, w.f, emit_bias(bias, bias_scales)}, {g}, {int_attribute("transB", trans_b ? 1 : 0)}));
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

TEST(QuantisedRandomTest, RandomGraphsEqualTheFormulas) {
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

}  // namespace
}  // namespace sealedge
