// 8-bit kernels: every instruction set gives the same bytes, so there is no bound to keep.
#pragma once

#include <cstring>

#include "agreement.h"
#include "kernels/dispatch.h"
#include "kernels/qconv/qconv.h"
#include "kernels/qdepthwise/qdepthwise.h"
#include "kernels/qelementwise/qelementwise.h"
#include "kernels/qgemm/run_qgemm.h"
#include "products.h"

namespace sealedge::differential {

// Results of `output`, kept as bytes; as floats only NaN is equal to another NaN.
inline std::string compare_output(const char* what, Q8Output output, const Buffer<uint8_t>& got,
                                  const Buffer<uint8_t>& want) {
  if (output != Q8Output::kFloat32) return compare_exactly(what, got, want);
  for (size_t i = 0; i < want.size(); i += sizeof(float)) {
    float a, b;
    std::memcpy(&a, got.data() + i, sizeof a);
    std::memcpy(&b, want.data() + i, sizeof b);
    if (!agree(a, b, 0)) return disagreement(what, i / sizeof(float), a, b, 0);
  }
  return {};
}

inline float any_scale(Decisions& d) { return d.tensor(1, d.one_in(8) ? Values::kBits : Values::kSmall)[0]; }

// What an 8-bit kernel is told of X, weights and Y besides their elements, for `channels` output channels.
class Q8Sides {
 public:
  Q8Sides(Decisions& d, size_t channels)
      : x_signed(d.one_in(2)),
        x_zero(static_cast<int32_t>(d.below(256)) - (x_signed ? 128 : 0)),
        bias_(d.bits<int32_t>(d.one_in(2) ? channels : 0)),
        weight_zero_(d.room<int32_t>(d.one_in(2) ? channels : 0)),
        // 2^-9 and thereabouts brings most sums into the range of a byte.
        multiplier_(d.tensor(channels, d.one_in(8) ? Values::kBits : Values::kSmall)) {
    for (size_t i = 0; i < weight_zero_.size(); i++) weight_zero_[i] = static_cast<int32_t>(d.below(256)) - 128;
    if (!d.one_in(4)) {
      for (size_t i = 0; i < channels; i++) multiplier_[i] *= 0x1p-9f;
    }
    epilogue.output = static_cast<Q8Output>(d.below(4));
    epilogue.multiplier = multiplier_.data();
    const int32_t lowest = epilogue.output == Q8Output::kInt8 ? -128 : 0;
    epilogue.zero_point = lowest + static_cast<int32_t>(d.below(256));
    epilogue.lo = d.one_in(3) ? 0.0f : static_cast<float>(lowest - epilogue.zero_point);
    epilogue.hi = static_cast<float>(lowest + 255 - epilogue.zero_point);
  }
  const int32_t* bias() const { return bias_.size() > 0 ? bias_.data() : nullptr; }
  const int32_t* weight_zero() const { return weight_zero_.size() > 0 ? weight_zero_.data() : nullptr; }

  bool x_signed;
  int32_t x_zero;
  Q8Epilogue epilogue;

 private:
  Buffer<int32_t> bias_, weight_zero_;
  Buffer<float> multiplier_;
};

inline ResidentWeightSource source_of(const Buffer<int8_t>& weights) {
  return {reinterpret_cast<const uint8_t*>(weights.data()), weights.size()};
}

// kInt8Panel16 of K steps and N columns: the sums of each panel's columns, then its quads.
inline Buffer<int8_t> q8_panels(Decisions& d, size_t k, size_t n) {
  auto out = d.bits<int8_t>(q8_panel16_bytes(k, n));
  const size_t quads = (k + 3) / 4, panel_bytes = 64 + quads * 64;
  for (size_t panel = 0; panel < (n + 15) / 16; panel++) {
    int8_t* start = out.data() + panel * panel_bytes;
    for (size_t lane = 0; lane < 16; lane++) {
      int32_t sum = 0;
      for (size_t step = 0; step < quads * 4; step++) {
        int8_t& w = start[64 + (step / 4 * 16 + lane) * 4 + step % 4];
        if (step >= k || panel * 16 + lane >= n) w = 0;
        sum += w;
      }
      std::memcpy(start + lane * sizeof sum, &sum, sizeof sum);
    }
  }
  return out;
}

inline std::string compare_q8_conv(Decisions& d, const KernelTable& scalar, const KernelTable& subject) {
  Q8ConvParams p = {};
  if (d.one_in(2)) {
    p.groups = d.one_in(3) ? 1 + d.below(4) : 1;
    p.in_channels = p.groups * (1 + d.below(12));
    p.out_channels = p.groups * (1 + d.below(24));
    p.window = window(d, p.in_channels / p.groups * p.out_channels);
    p.x_channels_first = d.one_in(3);
  } else {  // a matrix product, now and then with a K of several pieces
    const bool deep = d.one_in(8);
    p.window.batch = d.below(deep ? 3 : 30);
    p.in_channels = 1 + d.below(deep ? 6000 : 80);
    p.out_channels = 1 + d.below(deep ? 8 : 50);
  }
  const WindowGeometry& w = p.window;
  const Q8Sides sides(d, p.out_channels);
  p.x_signed = sides.x_signed;
  p.x_zero = sides.x_zero;
  p.bias = sides.bias();
  p.weight_zero = sides.weight_zero();
  p.weights_have_zero_point = p.weight_zero != nullptr;
  p.epilogue = sides.epilogue;
  const auto x = d.bits<uint8_t>(w.batch * w.in_pixels() * p.in_channels);
  const auto weights = q8_panels(d, w.taps() * (p.in_channels / p.groups), p.out_channels);
  const auto run = [&](const KernelTable& table) {
    Buffer<uint8_t> y(w.batch * w.out_pixels() * p.out_channels * q8_output_bytes(p.epilogue.output));
    Q8ConvParams params = p;
    params.x = x.data();
    params.y = y.data();
    const auto scratch = scratch_of(q8_conv_scratch_bytes(params));
    q8_conv(params, source_of(weights), {.kernels = &table, .scratch = scratch.get()});
    return y;
  };
  return compare_output("q8 conv", p.epilogue.output, run(subject), run(scalar));
}

inline std::string compare_q8_depthwise(Decisions& d, const KernelTable& scalar, const KernelTable& subject) {
  Q8DepthwiseParams p = {};
  p.channels = 1 + d.below(40);
  p.window = window(d, p.channels);
  p.x_channels_first = d.one_in(3);
  const WindowGeometry& w = p.window;
  const Q8Sides sides(d, p.channels);
  p.x_signed = sides.x_signed;
  p.x_zero = sides.x_zero;
  p.bias = sides.bias();
  p.weight_zero = sides.weight_zero();
  p.epilogue = sides.epilogue;
  const auto x = d.bits<uint8_t>(w.batch * w.in_pixels() * p.channels);
  const auto weights = d.bits<int8_t>(q8_depthwise_weight_bytes(w, p.channels));
  const auto run = [&](const KernelTable& table) {
    Buffer<uint8_t> y(w.batch * w.out_pixels() * p.channels * q8_output_bytes(p.epilogue.output));
    Q8DepthwiseParams params = p;
    params.x = x.data();
    params.y = y.data();
    const auto scratch = scratch_of(q8_depthwise_scratch_bytes(params, 1));
    q8_depthwise(params, source_of(weights), {.kernels = &table, .scratch = scratch.get()});
    return y;
  };
  return compare_output("q8 depthwise", p.epilogue.output, run(subject), run(scalar));
}

inline Q8Scale any_q8_scale(Decisions& d) {
  const bool is_signed = d.one_in(2);
  const float scale = any_scale(d);
  return {scale, static_cast<int32_t>(d.below(256)) - (is_signed ? 128 : 0), is_signed};
}

inline Q8Step any_q8_step(Decisions& d) {
  const int32_t lowest = d.one_in(2) ? -128 : 0;
  const int32_t zero = lowest + static_cast<int32_t>(d.below(256));
  const float scale = any_scale(d);
  return {scale, zero, static_cast<float>(lowest - zero), static_cast<float>(lowest + 255 - zero)};
}

inline std::string compare_dequantize(Decisions& d, const KernelTable& scalar, const KernelTable& subject) {
  const Q8Scale from = any_q8_scale(d);
  const auto x = d.bits<uint8_t>(d.below(200));
  Buffer<float> got(x.size()), want(x.size());
  q8_dequantize(from, x.data(), got.data(), x.size(), {.kernels = &subject});
  q8_dequantize(from, x.data(), want.data(), x.size(), {.kernels = &scalar});
  return compare("dequantize", got, want, [](size_t) { return 0.0; });
}

inline std::string compare_quantize(Decisions& d, const KernelTable& scalar, const KernelTable& subject) {
  const Q8Step to = any_q8_step(d);
  auto x = d.tensor(d.below(200));
  if (d.one_in(2)) {  // ties: halves of a step
    for (size_t i = 0; i < x.size(); i++)
      x[i] = static_cast<float>(static_cast<int>(d.below(1024)) - 512) / 2 * to.scale;
  }
  Buffer<uint8_t> got(x.size()), want(x.size());
  q8_quantize(to, x.data(), got.data(), x.size(), {.kernels = &subject});
  q8_quantize(to, x.data(), want.data(), x.size(), {.kernels = &scalar});
  return compare_exactly("quantize", got, want);
}

inline std::string compare_q8_binary(Decisions& d, const KernelTable& scalar, const KernelTable& subject) {
  const Q8BinaryParams params = {d.one_in(2) ? Q8Binary::kAdd : Q8Binary::kMul, any_q8_scale(d), any_q8_scale(d),
                                 any_q8_step(d)};
  const size_t size = 1 + d.below(200), repeated = d.below(4);
  const auto a_dim = static_cast<int64_t>(repeated == 1 ? 1 : size),
             b_dim = static_cast<int64_t>(repeated == 2 ? 1 : size);
  BroadcastPlan plan;
  if (!make_broadcast_plan(&a_dim, 1, &b_dim, 1, &plan)) return "these shapes broadcast, but there is no plan";
  const auto a = d.bits<uint8_t>(static_cast<size_t>(a_dim)), b = d.bits<uint8_t>(static_cast<size_t>(b_dim));
  Buffer<uint8_t> got(size), want(size);
  q8_binary(params, plan, a.data(), b.data(), got.data(), {.kernels = &subject});
  q8_binary(params, plan, a.data(), b.data(), want.data(), {.kernels = &scalar});
  return compare_exactly("q8 binary", got, want);
}

}  // namespace sealedge::differential
