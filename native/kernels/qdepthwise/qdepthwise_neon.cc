// Taps in 16 bits: SMLAL multiplies them by the weights and adds to 32-bit sums. Weights are expanded to [tap][16], not
// in pairs: no instruction here adds two neighbours.
#include "kernels/qdepthwise/qdepthwise_tile.h"
#include "kernels/simd/neon_q8.h"

namespace sealedge {
namespace {

template <bool kSigned>
SEALEDGE_INLINE int16x8x2_t widen(uint8x16_t x) {
  if constexpr (kSigned) {
    const int8x16_t bytes = vreinterpretq_s8_u8(x);
    return {vmovl_s8(vget_low_s8(bytes)), vmovl_high_s8(bytes)};
  } else {
    return {vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(x))), vreinterpretq_s16_u16(vmovl_high_u8(x))};
  }
}

// The weights of a tap are loaded once for kPixels pixels.
template <bool kSigned, int kPixels>
SEALEDGE_INLINE void pixels(const Q8DepthwiseTile& t, size_t p) {
  int32x4_t sum[kPixels][4];
  for (int i = 0; i < kPixels; i++) {
    for (int v = 0; v < 4; v++) sum[i][v] = vld1q_s32(t.start + 4 * v);
  }
  for (size_t tap = 0; tap < 2 * t.pairs; tap++) {
    const int16x8_t low = vld1q_s16(t.weights + 16 * tap), high = vld1q_s16(t.weights + 16 * tap + 8);
    const uint8_t* x = t.taps[tap] + p * t.pixel_step;
    for (int i = 0; i < kPixels; i++, x += t.pixel_step) {
      const int16x8x2_t wide = widen<kSigned>(vld1q_u8(x));
      sum[i][0] = vmlal_s16(sum[i][0], vget_low_s16(wide.val[0]), vget_low_s16(low));
      sum[i][1] = vmlal_high_s16(sum[i][1], wide.val[0], low);
      sum[i][2] = vmlal_s16(sum[i][2], vget_low_s16(wide.val[1]), vget_low_s16(high));
      sum[i][3] = vmlal_high_s16(sum[i][3], wide.val[1], high);
    }
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < kPixels; i++) {
    neon_q8_store(t.epilogue, sum[i], 0, t.channels, t.y + (p + static_cast<size_t>(i)) * t.y_stride_bytes);
  }
}

template <bool kSigned>
void tile(const Q8DepthwiseTile& t) {
  size_t p = 0;
  for (; p + 4 <= t.pixels; p += 4) pixels<kSigned, 4>(t, p);
  for (; p < t.pixels; p++) pixels<kSigned, 1>(t, p);
}

void expand(const int8_t* panel, size_t taps, const int32_t* zero, int16_t* weights, int32_t* sums) {
  for (size_t tap = 0; tap < taps; tap++, weights += 16) {
    for (size_t lane = 0; lane < 16; lane++) {
      const int32_t w = panel[tap * 16 + lane] - (zero ? zero[lane] : 0);
      weights[lane] = static_cast<int16_t>(w);
      sums[lane] += w;
    }
  }
  if (taps % 2 != 0) {
    for (size_t lane = 0; lane < 16; lane++) weights[lane] = 0;
  }
}

}  // namespace

constexpr Q8DepthwiseFamily q8_depthwise_neon = {"q8_depthwise_neon", {tile<false>, tile<true>}, expand};

}  // namespace sealedge
