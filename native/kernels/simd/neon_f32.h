// Four float lanes of Advanced SIMD (NEON), which every 64-bit Arm CPU has. Same shape as simd/avx2_f32.h, which
// explains the less obvious members. Only *_neon.cc files include this.
#pragma once

#include <arm_neon.h>

#include <cstddef>

namespace sealedge {

struct NeonF32 {
  static constexpr size_t kLanes = 4;
  using Vector = float32x4_t;
  // Lanes begin..end - 1 of memory exist. NEON has no masked loads: a part of a vector goes through memory of its own,
  // lane by lane.
  struct Mask {
    unsigned begin, end;
  };
  using Bool = uint32x4_t;

  static inline Vector zero() { return vdupq_n_f32(0.0f); }
  static inline Vector set1(float v) { return vdupq_n_f32(v); }
  static inline Vector load(const float* p) { return vld1q_f32(p); }
  static inline void store(float* p, Vector v) { vst1q_f32(p, v); }

  static inline Mask mask(size_t begin, size_t end, size_t base = 0) { return {lane(begin, base), lane(end, base)}; }
  static inline Vector load(Mask m, const float* p) {
    if (m.begin == 0 && m.end == kLanes) return vld1q_f32(p);
    float lanes[kLanes] = {};
    for (unsigned i = m.begin; i < m.end; i++) lanes[i] = p[i];
    return vld1q_f32(lanes);
  }
  static inline void store(Mask m, float* p, Vector v) {
    if (m.begin == 0 && m.end == kLanes) return vst1q_f32(p, v);
    float lanes[kLanes];
    vst1q_f32(lanes, v);
    for (unsigned i = m.begin; i < m.end; i++) p[i] = lanes[i];
  }

  static inline Vector add(Vector a, Vector b) { return vaddq_f32(a, b); }
  static inline Vector sub(Vector a, Vector b) { return vsubq_f32(a, b); }
  static inline Vector mul(Vector a, Vector b) { return vmulq_f32(a, b); }
  static inline Vector div(Vector a, Vector b) { return vdivq_f32(a, b); }
  static inline Vector fma(Vector a, Vector b, Vector c) { return vfmaq_f32(c, a, b); }
  static inline Vector fnma(Vector a, Vector b, Vector c) { return vfmsq_f32(c, a, b); }
  static inline Vector sqrt(Vector a) { return vsqrtq_f32(a); }
  static inline Vector floor(Vector a) { return vrndmq_f32(a); }
  static inline Vector ceil(Vector a) { return vrndpq_f32(a); }
  static inline Vector round(Vector a) { return vrndnq_f32(a); }

  // FMIN and FMAX would give NaN when the limit is NaN; the other ISAs and the scalar kernels ignore such a limit.
  static inline Vector min(Vector a, Vector b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
  static inline Vector max(Vector a, Vector b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
  static inline Vector minimum(Vector a, Vector b) { return vminq_f32(a, b); }
  static inline Vector maximum(Vector a, Vector b) { return vmaxq_f32(a, b); }

  static inline Bool less(Vector a, Vector b) { return vcltq_f32(a, b); }
  static inline Bool is_nan(Vector a) { return vmvnq_u32(vceqq_f32(a, a)); }
  static inline Vector select(Bool which, Vector yes, Vector no) { return vbslq_f32(which, yes, no); }

  static inline Vector sign_bit(Vector a) {
    return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(a), vdupq_n_u32(0x80000000u)));
  }
  static inline Vector abs(Vector a) { return vabsq_f32(a); }
  static inline Vector flip_sign(Vector a, Vector sign) {
    return vreinterpretq_f32_u32(veorq_u32(vreinterpretq_u32_f32(a), vreinterpretq_u32_f32(sign)));
  }

  static inline Vector scale_by_power_of_two(Vector a, Vector n) {
    const int32x4_t whole = vcvtnq_s32_f32(n);
    const int32x4_t first = vshrq_n_s32(whole, 1);
    return vmulq_f32(vmulq_f32(a, power_of_two(first)), power_of_two(vsubq_s32(whole, first)));
  }
  static inline Vector mantissa(Vector a, Vector* e) {
    const int32x4_t bits = vreinterpretq_s32_f32(a);
    const int32x4_t exponent = vshrq_n_s32(vsubq_s32(bits, vdupq_n_s32(0x3f400000)), 23);
    *e = vcvtq_f32_s32(exponent);
    return vreinterpretq_f32_s32(vsubq_s32(bits, vshlq_n_s32(exponent, 23)));
  }

  static inline float sum(Vector a) { return vaddvq_f32(a); }

 private:
  static inline unsigned lane(size_t i, size_t base) {
    return i <= base ? 0 : i - base < kLanes ? static_cast<unsigned>(i - base) : static_cast<unsigned>(kLanes);
  }
  static inline Vector power_of_two(int32x4_t n) {
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(n, vdupq_n_s32(127)), 23));
  }
};

}  // namespace sealedge
