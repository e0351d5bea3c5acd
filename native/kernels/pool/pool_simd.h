// Pooling on vectors of type V. Up to four vectors of channels at a time, so that the additions of one window position
// do not wait for each other.
#pragma once

#include "kernels/pool/pool_tile.h"

namespace sealedge {

template <typename V>
struct PoolSimd {
  using X = typename V::Vector;
  using Mask = typename V::Mask;

  struct Max {
    static inline X start() { return V::set1(-__builtin_inff()); }
    static inline X step(X best, X x) { return V::maximum(best, x); }
    static inline X end(const F32PoolTile&, X best) { return best; }
  };
  struct Average {
    static inline X start() { return V::zero(); }
    static inline X step(X sum, X x) { return V::add(sum, x); }
    static inline X end(const F32PoolTile& t, X sum) { return V::mul(sum, V::set1(t.scale)); }
  };

  template <typename Op, int kVectors>
  static inline __attribute__((always_inline)) void channels(const F32PoolTile& t, size_t c, bool whole, Mask mask) {
    X value[kVectors];
    for (int v = 0; v < kVectors; v++) {
      const float* from = t.y + c + static_cast<size_t>(v) * V::kLanes;
      value[v] = !t.accumulate ? Op::start() : whole ? V::load(from) : V::load(mask, from);
    }
    for (size_t r = 0; r < t.row_count; r++) {
      const float* x = t.rows[r] + c;
      for (size_t k = 0; k < t.columns; k++, x += t.column_step) {
        for (int v = 0; v < kVectors; v++) {
          const float* from = x + static_cast<size_t>(v) * V::kLanes;
          value[v] = Op::step(value[v], whole ? V::load(from) : V::load(mask, from));
        }
      }
    }
    for (int v = 0; v < kVectors; v++) {
      float* to = t.y + c + static_cast<size_t>(v) * V::kLanes;
      if (whole) {
        V::store(to, Op::end(t, value[v]));
      } else {
        V::store(mask, to, Op::end(t, value[v]));
      }
    }
  }

  template <typename Op>
  static void window(const F32PoolTile& t) {
    const Mask none = V::mask(0, 0);
    size_t c = 0;
    for (; c + 4 * V::kLanes <= t.channels; c += 4 * V::kLanes) channels<Op, 4>(t, c, true, none);
    for (; c + V::kLanes <= t.channels; c += V::kLanes) channels<Op, 1>(t, c, true, none);
    if (c < t.channels) channels<Op, 1>(t, c, false, V::mask(0, t.channels - c));
  }
};

}  // namespace sealedge
