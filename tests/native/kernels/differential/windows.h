// Random windows, and pooling with them.
#pragma once

#include "agreement.h"
#include "kernels/conv/window_geometry.h"
#include "kernels/dispatch.h"
#include "kernels/pool/pool.h"

namespace sealedge::differential {

// Every output position lies where the window, padding included, is inside the padded input.
// Multiply-adds of one case: a fuzzer lives on many small ones.
inline constexpr size_t kMostWork = 40'000;

// Where a tap costs `tap_work`, the input shrinks as far as its window lets it, dimension by dimension, until the case
// is small.
inline WindowGeometry window(Decisions& d, size_t tap_work) {
  WindowGeometry w;
  w.batch = 1 + d.below(2);
  size_t least[3] = {1, 1, 1};
  const auto set_input = [&](size_t i, size_t size) {
    w.in[i] = size;
    w.out[i] = (size + w.pad_begin[i] + w.pad_end[i] - (w.kernel[i] - 1) * w.dilation[i] - 1) / w.stride[i] + 1;
  };
  const size_t first = d.one_in(6) ? 0 : d.one_in(3) ? 2 : 1;
  for (size_t i = first; i < 3; i++) {
    w.kernel[i] = d.one_in(2) ? 3 : 1 + d.below(6);
    w.stride[i] = 1 + d.below(3);
    w.dilation[i] = d.one_in(3) ? 1 + d.below(3) : 1;
    w.pad_begin[i] = d.below(w.kernel[i] + 1);
    w.pad_end[i] = d.below(w.kernel[i] + 1);
    const size_t span = (w.kernel[i] - 1) * w.dilation[i] + 1, padding = w.pad_begin[i] + w.pad_end[i];
    least[i] = span > padding ? span - padding : 1;
    set_input(i, least[i] + d.below(12));
  }
  const auto work = [&] { return w.batch * (w.in_pixels() + w.out_pixels() * w.taps()) * tap_work; };
  if (work() > kMostWork) w.batch = 1;
  for (size_t i = 0; i < 3 && work() > kMostWork; i++) set_input(i, least[i]);
  return w;
}

inline std::string compare_pool(Decisions& d, const KernelTable& scalar, const KernelTable& subject) {
  F32PoolParams p = {};
  p.kind = d.one_in(2) ? PoolKind::kMax : PoolKind::kAverage;
  p.channels = 1 + d.below(70);
  p.window = window(d, p.channels);
  p.count_include_pad = d.one_in(2);
  const WindowGeometry& w = p.window;
  const auto x = d.tensor(w.batch * w.in_pixels() * p.channels);
  const auto run = [&](const Buffer<float>& in, const KernelTable& table) {
    Buffer<float> y(w.batch * w.out_pixels() * p.channels);
    F32PoolParams params = p;
    params.x = in.data();
    params.y = y.data();
    f32_pool(params, {.kernels = &table});
    return y;
  };
  const auto got = run(x, subject), want = run(x, scalar);
  if (p.kind == PoolKind::kMax) return compare("max pool", got, want, [](size_t) { return 0.0; });
  const auto size = run(magnitudes(x), scalar);
  return compare("average pool", got, want, [&](size_t i) {
    // The magnitude is an average too: the sum may be taps() times as large.
    if (!(size[i] * static_cast<double>(w.taps()) < kMayOverflow)) return -1.0;
    return sum_bound(w.taps() + 1, size[i]);
  });
}

}  // namespace sealedge::differential
