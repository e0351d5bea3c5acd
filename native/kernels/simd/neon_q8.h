// What the 8-bit NEON kernels share: sixteen lanes are four vectors of int32. Only *_neon.cc and *_dotprod.cc files
// include this; everything is inlined, so that no code compiled for dot products can serve a file that must do without.
#pragma once

#include <arm_neon.h>

#include "kernels/qgemm/qgemm_tile.h"
#include "kernels/requantize.h"

#define SEALEDGE_INLINE inline __attribute__((always_inline))

namespace sealedge {

// round_to_step of kernels/requantize_scalar.h. FMAXNM gives the limit where v is NaN; conversion rounds half to even.
SEALEDGE_INLINE int32x4_t neon_round_to_step(float32x4_t v, float32x4_t lo, float32x4_t hi, int32x4_t zero_point) {
  return vaddq_s32(vcvtnq_s32_f32(vminnmq_f32(vmaxnmq_f32(v, lo), hi)), zero_point);
}

// The lowest byte of each lane.
SEALEDGE_INLINE uint8x16_t neon_narrow(const int32x4_t (&v)[4]) {
  const int16x8_t low = vcombine_s16(vmovn_s32(v[0]), vmovn_s32(v[1]));
  const int16x8_t high = vcombine_s16(vmovn_s32(v[2]), vmovn_s32(v[3]));
  return vreinterpretq_u8_s8(vcombine_s8(vmovn_s16(low), vmovn_s16(high)));
}

// Elements [begin, end) of the sixteen at `lanes`.
template <typename T>
SEALEDGE_INLINE void neon_copy_lanes(const T* lanes, size_t begin, size_t end, uint8_t* y) {
  __builtin_memcpy(y + begin * sizeof(T), lanes + begin, (end - begin) * sizeof(T));
}

// Stores lanes begin..end - 1 of sixteen sums; y is where lane 0 would be.
SEALEDGE_INLINE void neon_q8_store(const Q8Epilogue& e, const int32x4_t (&sum)[4], size_t begin, size_t end,
                                   uint8_t* y) {
  if (e.output == Q8Output::kInt32) {
    int32_t lanes[16];
    for (int v = 0; v < 4; v++) vst1q_s32(lanes + 4 * v, sum[v]);
    return neon_copy_lanes(lanes, begin, end, y);
  }
  float32x4_t product[4];
  for (int v = 0; v < 4; v++) product[v] = vmulq_f32(vcvtq_f32_s32(sum[v]), vld1q_f32(e.multiplier + 4 * v));
  if (e.output == Q8Output::kFloat32) {
    float lanes[16];
    for (int v = 0; v < 4; v++) vst1q_f32(lanes + 4 * v, product[v]);
    return neon_copy_lanes(lanes, begin, end, y);
  }
  const float32x4_t lo = vdupq_n_f32(e.lo), hi = vdupq_n_f32(e.hi);
  const int32x4_t zero_point = vdupq_n_s32(e.zero_point);
  int32x4_t step[4];
  for (int v = 0; v < 4; v++) step[v] = neon_round_to_step(product[v], lo, hi, zero_point);
  const uint8x16_t bytes = neon_narrow(step);
  if (begin == 0 && end == 16) return vst1q_u8(y, bytes);
  uint8_t lanes[16];
  vst1q_u8(lanes, bytes);
  neon_copy_lanes(lanes, begin, end, y);
}

// The end of a GEMM tile: `sum` is what row `row` adds to where sums start.
SEALEDGE_INLINE void neon_q8_finish_row(const Q8GemmTile& t, size_t row, int32x4_t (&sum)[4]) {
  const int32_t* start = t.start ? t.start : t.partial + 16 * row;
  for (int v = 0; v < 4; v++) sum[v] = vaddq_s32(sum[v], vld1q_s32(start + 4 * v));
  if (!t.last) {
    for (int v = 0; v < 4; v++) vst1q_s32(t.partial + 16 * row + 4 * v, sum[v]);
    return;
  }
  if (t.row_terms) {
    const int32x4_t term = vdupq_n_s32(t.row_terms[row]);
    for (int v = 0; v < 4; v++) sum[v] = vmlsq_s32(sum[v], vld1q_s32(t.weight_zero + 4 * v), term);
  }
  neon_q8_store(t.epilogue, sum, t.lane_begin, t.lane_end, t.c + row * t.c_stride_bytes);
}

// Four consecutive elements of A, repeated. uint8 is moved to int8 by its top bit: the family's a_bias is -128.
template <bool kSigned>
SEALEDGE_INLINE int8x16_t neon_load_quad(const uint8_t* a) {
  uint32_t quad;
  __builtin_memcpy(&quad, a, sizeof quad);
  return vreinterpretq_s8_u32(vdupq_n_u32(kSigned ? quad : quad ^ 0x80808080u));
}

}  // namespace sealedge
