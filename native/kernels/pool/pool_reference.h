// Pools as the standard writes them, row-major (N, C, spatial...): oracle of the float32 kernel, and what runs for
// other types, for LpPool and where MaxPool gives out its Indices.
#pragma once

#include <cmath>
#include <limits>
#include <type_traits>

#include "core/float16.h"
#include "kernels/conv/window_range.h"
#include "kernels/pool/pool.h"
#include "kernels/pool/pool_count.h"

namespace sealedge {

template <typename T>
struct PoolReference {
  PoolKind kind;
  WindowGeometry window;
  bool count_include_pad = false;
  bool column_major = false;  // Indices count the first spatial dimension fastest (storage_order = 1)
  double p = 2;
  const T* x = nullptr;
  T* y = nullptr;              // may be null where only indices are wanted
  int64_t* indices = nullptr;  // of the maximum within all of X; may be null

  // One channel of one sample: number `plane` of N * C.
  void run(size_t plane) const {
    size_t at = plane * window.out_pixels();
    for (size_t d = 0; d < window.out[0]; d++) {
      for (size_t h = 0; h < window.out[1]; h++) {
        for (size_t w = 0; w < window.out[2]; w++, at++) {
          if (kind == PoolKind::kMax) {
            maximum(plane, {d, h, w}, at);
          } else {
            y[at] = static_cast<T>(kind == PoolKind::kAverage ? average(plane, {d, h, w}) : norm(plane, {d, h, w}));
          }
        }
      }
    }
  }

 private:
  struct Position {
    size_t d, h, w;
  };

  template <typename Visit>
  void each(size_t plane, Position o, Visit visit) const {
    const T* image = x + plane * window.in_pixels();
    const WindowRange kd = window_range(window, 0, o.d), kh = window_range(window, 1, o.h),
                      kw = window_range(window, 2, o.w);
    for (size_t a = kd.begin; a < kd.end; a++) {
      for (size_t b = kh.begin; b < kh.end; b++) {
        for (size_t c = kw.begin; c < kw.end; c++) {
          const Position at = {static_cast<size_t>(input_position(window, 0, o.d, a)),
                               static_cast<size_t>(input_position(window, 1, o.h, b)),
                               static_cast<size_t>(input_position(window, 2, o.w, c))};
          visit(image[(at.d * window.in[1] + at.h) * window.in[2] + at.w], at);
        }
      }
    }
  }

  void maximum(size_t plane, Position o, size_t at) const {
    T best = lowest();
    Position where = {};
    bool found = false;
    each(plane, o, [&](T value, Position position) {
      // The first of equals; a NaN is never left again.
      const bool is_nan = value != value;
      if (found && (best != best || !(value > best || is_nan))) return;
      best = value;
      where = position;
      found = true;
    });
    if (y) y[at] = best;
    if (!indices) return;
    const size_t(&in)[3] = window.in;
    const size_t inside =
        column_major ? (where.w * in[1] + where.h) * in[0] + where.d : (where.d * in[1] + where.h) * in[2] + where.w;
    indices[at] = static_cast<int64_t>(plane * window.in_pixels() + inside);
  }

  static T lowest() {
    if constexpr (std::is_integral_v<T>) return std::numeric_limits<T>::lowest();
    return static_cast<T>(-std::numeric_limits<double>::infinity());
  }

  double average(size_t plane, Position o) const {
    double sum = 0, count = 0;
    each(plane, o, [&](T value, Position) {
      sum += static_cast<double>(value);
      count++;
    });
    if (count_include_pad) {
      count = static_cast<double>(padded_positions(window, 0, o.d)) *
              static_cast<double>(padded_positions(window, 1, o.h)) *
              static_cast<double>(padded_positions(window, 2, o.w));
    }
    return count == 0 ? 0 : sum / count;
  }

  double norm(size_t plane, Position o) const {
    double sum = 0;
    each(plane, o, [&](T value, Position) { sum += std::pow(std::fabs(static_cast<double>(value)), p); });
    return std::pow(sum, 1 / p);
  }
};

}  // namespace sealedge
