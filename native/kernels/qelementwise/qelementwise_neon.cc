// Sixteen bytes are four vectors of float. The rest of a row goes through a buffer of sixteen, so that it is computed
// by the same instructions.
#include "kernels/qelementwise/qelementwise_family.h"
#include "kernels/simd/neon_q8.h"

namespace sealedge {
namespace {

// int8 is read as uint8 by its top bit, with a zero point 128 higher.
struct Reader {
  explicit Reader(const Q8Scale& from)
      : flip(vdupq_n_u8(from.is_signed ? 0x80 : 0)),
        zero(vdupq_n_s32(from.zero_point + (from.is_signed ? 128 : 0))),
        scale(vdupq_n_f32(from.scale)) {}

  SEALEDGE_INLINE void dequantize(uint8x16_t bytes, float32x4_t (&y)[4]) const {
    bytes = veorq_u8(bytes, flip);
    const uint16x8_t low = vmovl_u8(vget_low_u8(bytes)), high = vmovl_high_u8(bytes);
    const uint32x4_t wide[4] = {vmovl_u16(vget_low_u16(low)), vmovl_high_u16(low), vmovl_u16(vget_low_u16(high)),
                                vmovl_high_u16(high)};
    for (int v = 0; v < 4; v++) {
      y[v] = vmulq_f32(vcvtq_f32_s32(vsubq_s32(vreinterpretq_s32_u32(wide[v]), zero)), scale);
    }
  }

  uint8x16_t flip;
  int32x4_t zero;
  float32x4_t scale;
};

struct Writer {
  explicit Writer(const Q8Step& to)
      : scale(vdupq_n_f32(to.scale)),
        lo(vdupq_n_f32(to.lo)),
        hi(vdupq_n_f32(to.hi)),
        zero(vdupq_n_s32(to.zero_point)) {}

  SEALEDGE_INLINE uint8x16_t quantize(const float32x4_t (&x)[4]) const {
    int32x4_t step[4];
    for (int v = 0; v < 4; v++) step[v] = neon_round_to_step(vdivq_f32(x[v], scale), lo, hi, zero);
    return neon_narrow(step);
  }

  float32x4_t scale, lo, hi;
  int32x4_t zero;
};

// Calls block(i) for every whole block of sixteen; returns where the rest begins.
template <typename Block>
SEALEDGE_INLINE size_t whole_blocks(size_t size, const Block& block) {
  size_t i = 0;
  for (; i + 16 <= size; i += 16) block(i);
  return i;
}

void dequantize(const Q8Scale& from, const uint8_t* x, float* y, size_t size) {
  const Reader reader(from);
  const auto sixteen = [&](const uint8_t* bytes, float* to) {
    float32x4_t values[4];
    reader.dequantize(vld1q_u8(bytes), values);
    for (int v = 0; v < 4; v++) vst1q_f32(to + 4 * v, values[v]);
  };
  const size_t done = whole_blocks(size, [&](size_t i) { sixteen(x + i, y + i); });
  if (done == size) return;
  uint8_t bytes[16] = {};
  float values[16];
  __builtin_memcpy(bytes, x + done, size - done);
  sixteen(bytes, values);
  __builtin_memcpy(y + done, values, (size - done) * sizeof(float));
}

void quantize(const Q8Step& to, const float* x, uint8_t* y, size_t size) {
  const Writer writer(to);
  const auto sixteen = [&](const float* from, uint8_t* bytes) {
    const float32x4_t values[4] = {vld1q_f32(from), vld1q_f32(from + 4), vld1q_f32(from + 8), vld1q_f32(from + 12)};
    vst1q_u8(bytes, writer.quantize(values));
  };
  const size_t done = whole_blocks(size, [&](size_t i) { sixteen(x + i, y + i); });
  if (done == size) return;
  float values[16] = {};
  uint8_t bytes[16];
  __builtin_memcpy(values, x + done, (size - done) * sizeof(float));
  sixteen(values, bytes);
  __builtin_memcpy(y + done, bytes, size - done);
}

void binary(const Q8BinaryParams& params, const uint8_t* a, size_t a_step, const uint8_t* b, size_t b_step, uint8_t* y,
            size_t size) {
  if (size == 0) return;
  const Reader reader_a(params.a), reader_b(params.b);
  const Writer writer(params.y);
  const bool add = params.op == Q8Binary::kAdd;
  const auto sixteen = [&](uint8x16_t from_a, uint8x16_t from_b) {
    float32x4_t left[4], right[4];
    reader_a.dequantize(from_a, left);
    reader_b.dequantize(from_b, right);
    for (int v = 0; v < 4; v++) left[v] = add ? vaddq_f32(left[v], right[v]) : vmulq_f32(left[v], right[v]);
    return writer.quantize(left);
  };
  const uint8x16_t one_a = vdupq_n_u8(*a), one_b = vdupq_n_u8(*b);
  const size_t done = whole_blocks(size, [&](size_t i) {
    vst1q_u8(y + i, sixteen(a_step ? vld1q_u8(a + i) : one_a, b_step ? vld1q_u8(b + i) : one_b));
  });
  if (done == size) return;
  const size_t rest = size - done;
  uint8_t last_a[16] = {}, last_b[16] = {}, bytes[16];
  if (a_step) __builtin_memcpy(last_a, a + done, rest);
  if (b_step) __builtin_memcpy(last_b, b + done, rest);
  vst1q_u8(bytes, sixteen(a_step ? vld1q_u8(last_a) : one_a, b_step ? vld1q_u8(last_b) : one_b));
  __builtin_memcpy(y + done, bytes, rest);
}

}  // namespace

constexpr Q8ElementwiseFamily q8_elementwise_neon = {"q8_elementwise_neon", dequantize, quantize, binary};

}  // namespace sealedge
