#include <arm_neon.h>

#include "kernels/layout/layout_family.h"

namespace sealedge {
namespace {

inline uint32x4_t low_halves(uint32x4_t a, uint32x4_t b) {
  return vreinterpretq_u32_u64(vtrn1q_u64(vreinterpretq_u64_u32(a), vreinterpretq_u64_u32(b)));
}
inline uint32x4_t high_halves(uint32x4_t a, uint32x4_t b) {
  return vreinterpretq_u32_u64(vtrn2q_u64(vreinterpretq_u64_u32(a), vreinterpretq_u64_u32(b)));
}

// 4x4 in registers: pairs of rows, then halves of pairs.
inline void transpose_4x4(const uint32_t* source, size_t source_step, uint32_t* destination, size_t destination_step) {
  uint32x4_t row[4];
  for (size_t i = 0; i < 4; i++) row[i] = vld1q_u32(source + i * source_step);
  const uint32x4_t even01 = vtrn1q_u32(row[0], row[1]), odd01 = vtrn2q_u32(row[0], row[1]);
  const uint32x4_t even23 = vtrn1q_u32(row[2], row[3]), odd23 = vtrn2q_u32(row[2], row[3]);
  vst1q_u32(destination, low_halves(even01, even23));
  vst1q_u32(destination + destination_step, low_halves(odd01, odd23));
  vst1q_u32(destination + 2 * destination_step, high_halves(even01, even23));
  vst1q_u32(destination + 3 * destination_step, high_halves(odd01, odd23));
}

void transpose_rest(const uint32_t* source, size_t source_step, size_t rows, size_t columns, uint32_t* destination,
                    size_t destination_step) {
  for (size_t c = 0; c < columns; c++) {
    for (size_t r = 0; r < rows; r++) destination[c * destination_step + r] = source[r * source_step + c];
  }
}

// Four blocks of rows at a time where there are as many: 64 bytes of a destination row, a line of the cache, are then
// written together.
void transpose_32(const uint32_t* source, size_t source_step, size_t rows, size_t columns, uint32_t* destination,
                  size_t destination_step) {
  const size_t whole_rows = rows / 4 * 4, whole_columns = columns / 4 * 4;
  for (size_t first = 0; first < whole_rows; first += 16) {
    const size_t end = whole_rows - first < 16 ? whole_rows : first + 16;
    for (size_t c = 0; c < whole_columns; c += 4) {
      for (size_t r = first; r < end; r += 4) {
        transpose_4x4(source + r * source_step + c, source_step, destination + c * destination_step + r,
                      destination_step);
      }
    }
  }
  transpose_rest(source + whole_columns, source_step, whole_rows, columns - whole_columns,
                 destination + whole_columns * destination_step, destination_step);
  transpose_rest(source + whole_rows * source_step, source_step, rows - whole_rows, columns, destination + whole_rows,
                 destination_step);
}

// Two or three planes: one instruction stores them interleaved.
void interleave_32(const float* source, size_t plane_step, size_t planes, size_t size, float* destination) {
  size_t i = 0;
  if (planes == 2) {
    for (; i + 4 <= size; i += 4) {
      const float32x4x2_t pair = {vld1q_f32(source + i), vld1q_f32(source + plane_step + i)};
      vst2q_f32(destination + 2 * i, pair);
    }
  } else if (planes == 3) {
    for (; i + 4 <= size; i += 4) {
      const float32x4x3_t triple = {vld1q_f32(source + i), vld1q_f32(source + plane_step + i),
                                    vld1q_f32(source + 2 * plane_step + i)};
      vst3q_f32(destination + 3 * i, triple);
    }
  } else if (planes >= 4) {
    transpose_32(reinterpret_cast<const uint32_t*>(source), plane_step, planes, size,
                 reinterpret_cast<uint32_t*>(destination), planes);
    return;
  }
  for (; i < size; i++) {
    for (size_t p = 0; p < planes; p++) destination[i * planes + p] = source[p * plane_step + i];
  }
}

}  // namespace

constexpr LayoutFamily layout_neon = {"layout_neon", transpose_32, interleave_32};

}  // namespace sealedge
