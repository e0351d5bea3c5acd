#include "kernels/qdepthwise/qdepthwise_tile.h"
#include "kernels/requantize_scalar.h"

namespace sealedge {
namespace {

template <typename X>
void tile(const Q8DepthwiseTile& t) {
  const size_t size = q8_output_bytes(t.epilogue.output);
  for (size_t p = 0; p < t.pixels; p++) {
    for (size_t lane = 0; lane < t.channels; lane++) {
      auto sum = static_cast<uint32_t>(t.start[lane]);
      for (size_t tap = 0; tap < 2 * t.pairs; tap++) {
        const auto x = static_cast<X>(t.taps[tap][p * t.pixel_step + lane]);
        sum += static_cast<uint32_t>(int32_t{x} * t.weights[(tap / 2 * 16 + lane) * 2 + tap % 2]);
      }
      q8_store_scalar(t.epilogue, static_cast<int32_t>(sum), lane, t.y + p * t.y_stride_bytes + lane * size);
    }
  }
}

void expand(const int8_t* panel, size_t taps, const int32_t* zero, int16_t* weights, int32_t* sums) {
  for (size_t tap = 0; tap < taps + taps % 2; tap++) {
    for (size_t lane = 0; lane < 16; lane++) {
      const int32_t w = tap < taps ? panel[tap * 16 + lane] - (zero ? zero[lane] : 0) : 0;
      weights[(tap / 2 * 16 + lane) * 2 + tap % 2] = static_cast<int16_t>(w);
      sums[lane] += w;
    }
  }
}

}  // namespace

constexpr Q8DepthwiseFamily q8_depthwise_scalar = {"q8_depthwise_scalar", {tile<uint8_t>, tile<int8_t>}, expand};

}  // namespace sealedge
