// Matrix products and convolutions: the kernel of one table against the scalar one.
#pragma once

#include "epilogues.h"
#include "kernels/conv/conv.h"
#include "kernels/depthwise/depthwise.h"
#include "kernels/dispatch.h"
#include "kernels/gemm/gemm.h"
#include "windows.h"

namespace sealedge::differential {

inline ResidentWeightSource source_of(const Buffer<float>& weights) {
  return {reinterpret_cast<const uint8_t*>(weights.data()), weights.size() * sizeof(float)};
}

struct FreeScratch {
  void operator()(uint8_t* p) const { std::free(p); }
};
inline std::unique_ptr<uint8_t, FreeScratch> scratch_of(size_t bytes) {
  return std::unique_ptr<uint8_t, FreeScratch>(static_cast<uint8_t*>(std::aligned_alloc(64, (bytes + 63) / 64 * 64)));
}

inline std::string compare_gemm(Decisions& d, const KernelTable& scalar, const KernelTable& subject) {
  F32GemmParams p = {};
  // More than 1,024 steps come from the weight source in several pieces.
  const bool deep = d.one_in(8);
  p.m = d.below(deep ? 4 : 33);
  p.n = 1 + d.below(deep ? 8 : 50);
  p.k = d.below(deep ? 2200 : 70);
  const size_t a_gap = d.below(3), c_gap = d.below(3);
  p.a_stride = p.k + a_gap;
  p.c_stride = p.n + c_gap;
  const auto a = d.tensor(p.m * p.a_stride);
  const auto b = d.tensor(f32_panel16_bytes(p.k, p.n) / sizeof(float));
  const Epilogue epilogue(d, p.m, p.n);
  const auto run = [&](const Buffer<float>& left, const Buffer<float>& right, const F32Epilogue& e,
                       const KernelTable& table) {
    Buffer<float> c(p.m * p.c_stride);
    F32GemmParams params = p;
    params.a = left.data();
    params.c = c.data();
    params.epilogue = e;
    f32_gemm(params, source_of(right), {.kernels = &table});
    return c;
  };
  const auto size = run(magnitudes(a), magnitudes(b), {}, scalar);
  return compare("gemm", run(a, b, epilogue.params, subject), run(a, b, epilogue.params, scalar), [&](size_t i) {
    const size_t row = i / p.c_stride, lane = i % p.c_stride;
    return lane >= p.n ? 0 : epilogue.bound(row, lane, p.k, size[i]);
  });
}

inline std::string compare_conv(Decisions& d, const KernelTable& scalar, const KernelTable& subject) {
  F32ConvParams p = {};
  p.groups = d.one_in(3) ? 1 + d.below(4) : 1;
  p.in_channels = p.groups * (1 + d.below(12));
  p.out_channels = p.groups * (1 + d.below(24));
  p.window = window(d, p.in_channels / p.groups * p.out_channels);
  p.x_channels_first = d.one_in(3);
  const WindowGeometry& w = p.window;
  const size_t rows = w.batch * w.out_pixels();
  const auto x = d.tensor(w.batch * w.in_pixels() * p.in_channels);
  const auto weights = d.tensor(f32_conv_weight_bytes(w, p.in_channels, p.out_channels, p.groups) / sizeof(float));
  const Epilogue epilogue(d, rows, p.out_channels);
  const auto run = [&](const Buffer<float>& in, const Buffer<float>& by, const F32Epilogue& e,
                       const KernelTable& table) {
    Buffer<float> y(rows * p.out_channels);
    F32ConvParams params = p;
    params.x = in.data();
    params.y = y.data();
    params.epilogue = e;
    const auto scratch = scratch_of(f32_conv_scratch_bytes(params));
    f32_conv(params, source_of(by), {.kernels = &table, .scratch = scratch.get()});
    return y;
  };
  const auto size = run(magnitudes(x), magnitudes(weights), {}, scalar);
  const size_t terms = w.taps() * (p.in_channels / p.groups);
  return compare("conv", run(x, weights, epilogue.params, subject), run(x, weights, epilogue.params, scalar),
                 [&](size_t i) { return epilogue.bound(i / p.out_channels, i % p.out_channels, terms, size[i]); });
}

inline std::string compare_depthwise(Decisions& d, const KernelTable& scalar, const KernelTable& subject) {
  F32DepthwiseParams p = {};
  p.channels = 1 + d.below(40);
  p.window = window(d, p.channels);
  const WindowGeometry& w = p.window;
  const size_t rows = w.batch * w.out_pixels();
  const auto x = d.tensor(w.batch * w.in_pixels() * p.channels);
  const auto weights = d.tensor(f32_depthwise_weight_bytes(w, p.channels) / sizeof(float));
  const Epilogue epilogue(d, rows, p.channels);
  const auto run = [&](const Buffer<float>& in, const Buffer<float>& by, const F32Epilogue& e,
                       const KernelTable& table) {
    Buffer<float> y(rows * p.channels);
    F32DepthwiseParams params = p;
    params.x = in.data();
    params.y = y.data();
    params.epilogue = e;
    const auto scratch = scratch_of(f32_depthwise_scratch_bytes(params, 1));
    f32_depthwise(params, source_of(by), {.kernels = &table, .scratch = scratch.get()});
    return y;
  };
  const auto size = run(magnitudes(x), magnitudes(weights), {}, scalar);
  return compare("depthwise", run(x, weights, epilogue.params, subject), run(x, weights, epilogue.params, scalar),
                 [&](size_t i) { return epilogue.bound(i / p.channels, i % p.channels, w.taps(), size[i]); });
}

}  // namespace sealedge::differential
