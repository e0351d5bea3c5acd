// Plain loops over a block of channels, which the compiler turns into vectors: pools are a few percent of a network.
#include "kernels/qpool/qpool.h"

#include "kernels/conv/window_range.h"
#include "kernels/parallel.h"
#include "kernels/pool/pool_count.h"
#include "kernels/requantize_scalar.h"

namespace sealedge {
namespace {

constexpr size_t kBlock = 64;

struct Window {
  WindowRange range[3];
  size_t n;
  double count;  // as the average divides by; in double, as three sizes of 31 bits each do not fit an integer
};

Window window_at(const Q8PoolParams& p, size_t n, const size_t (&o)[3]) {
  Window window = {.range = {}, .n = n, .count = 1.0};
  for (int d = 0; d < 3; d++) {
    window.range[d] = window_range(p.window, d, o[d]);
    const size_t inside = window.range[d].end - window.range[d].begin;
    window.count *= static_cast<double>(p.count_include_pad ? padded_positions(p.window, d, o[d]) : inside);
  }
  return window;
}

// Calls visit(element of X at the window's position, first channel of the block) for every position inside X.
template <typename Visit>
void each_position(const Q8PoolParams& p, const Window& window, const size_t (&o)[3], Visit visit) {
  const WindowGeometry& w = p.window;
  for (size_t kd = window.range[0].begin; kd < window.range[0].end; kd++) {
    const auto id = static_cast<size_t>(input_position(w, 0, o[0], kd));
    for (size_t kh = window.range[1].begin; kh < window.range[1].end; kh++) {
      const auto ih = static_cast<size_t>(input_position(w, 1, o[1], kh));
      for (size_t kw = window.range[2].begin; kw < window.range[2].end; kw++) {
        const auto iw = static_cast<size_t>(input_position(w, 2, o[2], kw));
        visit(p.x + (((window.n * w.in[0] + id) * w.in[1] + ih) * w.in[2] + iw) * p.channels);
      }
    }
  }
}

template <typename T>
void max_window(const Q8PoolParams& p, const Window& window, const size_t (&o)[3], uint8_t* y) {
  for (size_t c = 0; c < p.channels; c += kBlock) {
    const size_t size = p.channels - c < kBlock ? p.channels - c : kBlock;
    T best[kBlock];
    for (T& value : best) value = static_cast<T>(p.is_signed ? -128 : 0);
    each_position(p, window, o, [&](const uint8_t* x) {
      const T* from = reinterpret_cast<const T*>(x + c);
      for (size_t i = 0; i < size; i++) best[i] = from[i] > best[i] ? from[i] : best[i];
    });
    for (size_t i = 0; i < size; i++) y[c + i] = static_cast<uint8_t>(best[i]);
  }
}

template <typename T>
void average_window(const Q8PoolParams& p, const Window& window, const size_t (&o)[3], uint8_t* y) {
  const auto count = static_cast<float>(window.count);
  for (size_t c = 0; c < p.channels; c += kBlock) {
    const size_t size = p.channels - c < kBlock ? p.channels - c : kBlock;
    uint32_t sum[kBlock] = {};
    each_position(p, window, o, [&](const uint8_t* x) {
      const T* from = reinterpret_cast<const T*>(x + c);
      for (size_t i = 0; i < size; i++) {
        sum[i] += static_cast<uint32_t>(int32_t{from[i]} - p.x_zero);
      }
    });
    for (size_t i = 0; i < size; i++) {
      const float v = static_cast<float>(static_cast<int32_t>(sum[i])) * p.ratio;
      const float mean = count == 0.0f ? 0.0f : v / count;
      y[c + i] = static_cast<uint8_t>(round_to_step_scalar(mean, p.lo, p.hi, p.y_zero));
    }
  }
}

}  // namespace

void q8_pool(const Q8PoolParams& p, const KernelContext& context) {
  const WindowGeometry& w = p.window;
  const size_t row_count = w.batch * w.out[0] * w.out[1];
  if (row_count == 0 || w.out[2] == 0 || p.channels == 0) return;
  const auto pool = p.kind == PoolKind::kMax ? (p.is_signed ? max_window<int8_t> : max_window<uint8_t>)
                                             : (p.is_signed ? average_window<int8_t> : average_window<uint8_t>);
  const size_t parts = parts_for(context.parallel, row_count, w.out[2] * w.taps() * p.channels);
  parallel_for(context.parallel, parts, [&](size_t index, unsigned) {
    const Part part = part_of(row_count, index, parts);
    for (size_t row = part.begin; row < part.end; row++) {
      const size_t n = row / w.out[1] / w.out[0];
      for (size_t ow = 0; ow < w.out[2]; ow++) {
        const size_t o[3] = {row / w.out[1] % w.out[0], row % w.out[1], ow};
        pool(p, window_at(p, n, o), o, p.y + (row * w.out[2] + ow) * p.channels);
      }
    }
  });
}

}  // namespace sealedge
