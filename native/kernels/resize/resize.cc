#include "kernels/resize/resize.h"

#include <cstring>

#include "kernels/parallel.h"

namespace sealedge {
namespace {

// Elements of one row from their places; the loop the compiler knows how to unroll.
template <typename T>
void gather_row(const uint32_t* source, size_t count, const uint8_t* x, uint8_t* y) {
  for (size_t i = 0; i < count; i++) std::memcpy(y + i * sizeof(T), x + source[i] * sizeof(T), sizeof(T));
}

void copy_blocks(const uint32_t* source, size_t count, size_t block_bytes, const uint8_t* x, uint8_t* y) {
  switch (block_bytes) {
    case 1:
      return gather_row<uint8_t>(source, count, x, y);
    case 2:
      return gather_row<uint16_t>(source, count, x, y);
    case 4:
      return gather_row<uint32_t>(source, count, x, y);
    case 8:
      return gather_row<uint64_t>(source, count, x, y);
    default:
      for (size_t i = 0; i < count; i++) std::memcpy(y + i * block_bytes, x + source[i] * block_bytes, block_bytes);
  }
}

template <typename T>
void resize_axis(const WeightedResize& r, const T* x, T* y, const KernelContext& context) {
  const size_t rows = r.outer * r.out;
  const size_t parts = parts_for(context.parallel, rows, r.inner * r.taps * 2);
  parallel_for(context.parallel, parts, [&](size_t index, unsigned) {
    const Part part = part_of(rows, index, parts);
    for (size_t row = part.begin; row < part.end; row++) {
      const size_t j = row % r.out;
      const T* from = x + row / r.out * r.in * r.inner;
      T* to = y + row * r.inner;
      const uint32_t* source = r.source + j * r.taps;
      const float* weight = r.weight + j * r.taps;
      if (r.taps == 2) {
        const T *a = from + source[0] * r.inner, *b = from + source[1] * r.inner;
        const T p = weight[0], q = weight[1];
        for (size_t i = 0; i < r.inner; i++) to[i] = a[i] * p + b[i] * q;
        continue;
      }
      for (size_t i = 0; i < r.inner; i++) to[i] = 0;
      for (size_t k = 0; k < r.taps; k++) {
        if (weight[k] == 0.0f) continue;
        const T* a = from + source[k] * r.inner;
        const T p = weight[k];
        for (size_t i = 0; i < r.inner; i++) to[i] += a[i] * p;
      }
    }
  });
}

}  // namespace

void resize_nearest(const NearestResize& r, const void* x, void* y, const KernelContext& context) {
  // Trailing dimensions that stay are one block; the last one that does not is walked by copy_blocks.
  size_t last = r.rank, block = r.element_bytes;
  while (last > 0 && r.source[last - 1] == nullptr) block *= r.out[--last];
  if (last == 0) {
    std::memcpy(y, x, block);
    return;
  }
  const size_t inner = last - 1, row_bytes = r.out[inner] * block;
  size_t rows = 1, step[kMaxResizeRank];
  for (size_t d = 0; d < inner; d++) rows *= r.out[d];
  for (size_t d = inner, size = r.in[inner] * block; d-- > 0; size *= r.in[d]) step[d] = size;
  if (rows == 0 || row_bytes == 0) return;
  const size_t parts = parts_for(context.parallel, rows, row_bytes / 4 * kMoveWork + 1);
  parallel_for(context.parallel, parts, [&](size_t index, unsigned) {
    const Part part = part_of(rows, index, parts);
    const uint8_t* previous = nullptr;
    for (size_t row = part.begin; row < part.end; row++) {
      const auto* from = static_cast<const uint8_t*>(x);
      for (size_t d = inner, rest = row; d-- > 0; rest /= r.out[d]) {
        const size_t at = rest % r.out[d];
        from += (r.source[d] ? r.source[d][at] : at) * step[d];
      }
      uint8_t* to = static_cast<uint8_t*>(y) + row * row_bytes;
      // Enlarging repeats whole rows.
      if (from == previous) {
        std::memcpy(to, to - row_bytes, row_bytes);
      } else {
        copy_blocks(r.source[inner], r.out[inner], block, from, to);
      }
      previous = from;
    }
  });
}

void f32_resize_axis(const WeightedResize& resize, const float* x, float* y, const KernelContext& context) {
  resize_axis(resize, x, y, context);
}
void f64_resize_axis(const WeightedResize& resize, const double* x, double* y, const KernelContext& context) {
  resize_axis(resize, x, y, context);
}

}  // namespace sealedge
