// The depthwise tile for any vector type V, one vector of lanes at a time.
//
// The plain form loads one weight and kPixels inputs per kPixels multiply-adds, so it is bound by loads. Where windows
// overlap (column_step a divisor of pixel_step, few columns) the sliding form loads every input of a row once and uses
// it for all the windows it lies in, with the row's weights in registers.
#pragma once

#include "kernels/depthwise/depthwise_tile.h"
#include "kernels/simd/epilogue_simd.h"

namespace sealedge {

inline size_t weight_of(const F32DepthwiseTile& t, size_t lane) { return lane / 16 * t.panel_step + lane % 16; }

// kPixels sums of the pixels from `p` on, stored through the epilogue.
template <typename V, int kPixels>
inline __attribute__((always_inline)) void store_pixels(const F32DepthwiseTile& t, size_t p, size_t lane,
                                                        typename V::Mask mask, bool full,
                                                        typename V::Vector (&sum)[kPixels]) {
  F32Epilogue e = *t.epilogue;
  if (e.residual) e.residual += p * e.residual_stride;
  apply_epilogue<V, kPixels>(e, lane, mask, sum);
  float* y = t.y + p * t.y_stride + lane;
  for (int i = 0; i < kPixels; i++) {
    if (full) {
      V::store(y + static_cast<size_t>(i) * t.y_stride, sum[i]);
    } else {
      V::store(mask, y + static_cast<size_t>(i) * t.y_stride, sum[i]);
    }
  }
}

template <typename V, bool kFull>
inline __attribute__((always_inline)) typename V::Vector load_lanes(typename V::Mask mask, const float* p) {
  if constexpr (kFull) {
    return V::load(p);
  } else {
    return V::load(mask, p);
  }
}

template <typename V, bool kFull, int kPixels>
inline __attribute__((always_inline)) void plain_pixels(const F32DepthwiseTile& t, size_t p, size_t lane,
                                                        typename V::Mask mask) {
  const size_t weight_offset = weight_of(t, lane);
  typename V::Vector sum[kPixels];
  for (int i = 0; i < kPixels; i++) sum[i] = V::zero();
  for (size_t r = 0; r < t.row_count; r++) {
    const float* x = t.rows[r] + p * t.pixel_step + lane;
    const float* w = t.taps[r] + weight_offset;
    for (size_t k = 0; k < t.columns; k++, x += t.column_step, w += 16) {
      const auto weight = V::load(w);
      for (int i = 0; i < kPixels; i++) {
        sum[i] = V::fma(load_lanes<V, kFull>(mask, x + static_cast<size_t>(i) * t.pixel_step), weight, sum[i]);
      }
    }
  }
  store_pixels<V, kPixels>(t, p, lane, mask, kFull, sum);
}

// kStep: pixel_step / column_step. kEdge: first_absent or last_absent may concern these pixels.
template <typename V, bool kFull, bool kEdge, int kPixels, int kColumns, int kStep>
inline __attribute__((always_inline)) void sliding_pixels(const F32DepthwiseTile& t, size_t p, size_t lane,
                                                          typename V::Mask mask) {
  constexpr int kInputs = (kPixels - 1) * kStep + kColumns;
  const bool skip_first = kEdge && t.first_absent && p == 0;
  const bool skip_last = kEdge && t.last_absent && p + kPixels == t.pixels;
  const size_t weight_offset = weight_of(t, lane);
  typename V::Vector sum[kPixels];
  for (int i = 0; i < kPixels; i++) sum[i] = V::zero();
  for (size_t r = 0; r < t.row_count; r++) {
    const float* x = t.rows[r] + p * t.pixel_step + lane;
    typename V::Vector weight[kColumns];
    for (int k = 0; k < kColumns; k++) weight[k] = V::load(t.taps[r] + weight_offset + 16 * k);
#pragma clang loop unroll(full)
    for (int q = 0; q < kInputs; q++) {
      if ((q == 0 && skip_first) || (q == kInputs - 1 && skip_last)) continue;
      const auto input = load_lanes<V, kFull>(mask, x + static_cast<size_t>(q) * t.column_step);
      for (int k = 0; k < kColumns; k++) {
        const int i = (q - k) / kStep;
        if (q >= k && (q - k) % kStep == 0 && i < kPixels) sum[i] = V::fma(input, weight[k], sum[i]);
      }
    }
  }
  store_pixels<V, kPixels>(t, p, lane, mask, kFull, sum);
}

// Every pixel of the tile by the sliding form: blocks of kMost, then one of what is left. Only the first and the last
// block are edges.
template <typename V, bool kFull, int kMost, int kColumns, int kStep>
inline void slide(const F32DepthwiseTile& t, size_t lane, typename V::Mask mask) {
  static_assert(kMost <= 8);
  size_t p = 0;
  for (; p + kMost <= t.pixels; p += kMost) {
    if ((t.first_absent && p == 0) || (t.last_absent && p + kMost == t.pixels)) {
      sliding_pixels<V, kFull, true, kMost, kColumns, kStep>(t, p, lane, mask);
    } else {
      sliding_pixels<V, kFull, false, kMost, kColumns, kStep>(t, p, lane, mask);
    }
  }
  const auto rest = [&]<int kRest>() {
    if constexpr (kRest < kMost) sliding_pixels<V, kFull, true, kRest, kColumns, kStep>(t, p, lane, mask);
  };
  switch (t.pixels - p) {
    case 1:
      return rest.template operator()<1>();
    case 2:
      return rest.template operator()<2>();
    case 3:
      return rest.template operator()<3>();
    case 4:
      return rest.template operator()<4>();
    case 5:
      return rest.template operator()<5>();
    case 6:
      return rest.template operator()<6>();
    case 7:
      return rest.template operator()<7>();
    default:
      return;
  }
}

// One pixel has one sum, which would wait for itself: its rows are summed up apart, four at a time.
template <typename V, bool kFull>
inline void single_pixel(const F32DepthwiseTile& t, size_t p, size_t lane, typename V::Mask mask) {
  const size_t weight_offset = weight_of(t, lane), pixel = p * t.pixel_step + lane;
  typename V::Vector sum[4];
  for (int j = 0; j < 4; j++) sum[j] = V::zero();
  const auto rows = [&]<int kRows>(size_t first) {
    for (size_t k = 0; k < t.columns; k++) {
      for (int j = 0; j < kRows; j++) {
        const float* x = t.rows[first + static_cast<size_t>(j)] + pixel + k * t.column_step;
        const auto weight = V::load(t.taps[first + static_cast<size_t>(j)] + weight_offset + 16 * k);
        sum[j] = V::fma(load_lanes<V, kFull>(mask, x), weight, sum[j]);
      }
    }
  };
  size_t r = 0;
  for (; r + 4 <= t.row_count; r += 4) rows.template operator()<4>(r);
  if (t.row_count - r >= 2) {
    rows.template operator()<2>(r);
    r += 2;
  }
  if (r < t.row_count) rows.template operator()<1>(r);
  typename V::Vector total[1] = {V::add(V::add(sum[0], sum[1]), V::add(sum[2], sum[3]))};
  store_pixels<V, 1>(t, p, lane, mask, kFull, total);
}

// As many pixels as fill blocks of four, whose windows all lie in the input; returns the first that is left.
template <typename V, bool kFull, int kColumns, int kStep>
inline size_t slide_inside(const F32DepthwiseTile& t, size_t lane, typename V::Mask mask) {
  size_t p = 0;
  for (; p + 4 <= t.pixels; p += 4) sliding_pixels<V, kFull, false, 4, kColumns, kStep>(t, p, lane, mask);
  return p;
}

template <typename V, bool kFull>
void tile_lanes(const F32DepthwiseTile& t, size_t lane, typename V::Mask mask) {
  if (t.columns == 3 && t.pixel_step == t.column_step) return slide<V, kFull, 8, 3, 1>(t, lane, mask);
  if (t.columns == 3 && t.pixel_step == 2 * t.column_step) return slide<V, kFull, 4, 3, 2>(t, lane, mask);
  size_t p = 0;
  if (t.pixel_step == t.column_step) {
    if (t.columns == 5) p = slide_inside<V, kFull, 5, 1>(t, lane, mask);
    if (t.columns == 7) p = slide_inside<V, kFull, 7, 1>(t, lane, mask);
  } else if (t.pixel_step == 2 * t.column_step) {
    if (t.columns == 5) p = slide_inside<V, kFull, 5, 2>(t, lane, mask);
  }
  for (; p + 8 <= t.pixels; p += 8) plain_pixels<V, kFull, 8>(t, p, lane, mask);
  for (; p + 4 <= t.pixels; p += 4) plain_pixels<V, kFull, 4>(t, p, lane, mask);
  for (; p + 2 <= t.pixels; p += 2) plain_pixels<V, kFull, 2>(t, p, lane, mask);
  if (p < t.pixels) single_pixel<V, kFull>(t, p, lane, mask);
}

// The channels from `lane` on, a vector at a time; returns the first that does not fill one.
template <typename V>
inline size_t whole_vectors(const F32DepthwiseTile& t, size_t lane) {
  for (; lane + V::kLanes <= t.channels; lane += V::kLanes) tile_lanes<V, true>(t, lane, V::mask(0, V::kLanes));
  return lane;
}

// What is left, less than a vector.
template <typename V>
inline void part_vector(const F32DepthwiseTile& t, size_t lane) {
  if (lane < t.channels) tile_lanes<V, false>(t, lane, V::mask(0, t.channels - lane));
}

}  // namespace sealedge
