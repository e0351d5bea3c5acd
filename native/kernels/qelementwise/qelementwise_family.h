#pragma once

#include "kernels/qelementwise/qelementwise.h"

namespace sealedge {

struct Q8ElementwiseFamily {
  const char* name;
  void (*dequantize)(const Q8Scale& from, const uint8_t* x, float* y, size_t size);
  void (*quantize)(const Q8Step& to, const float* x, uint8_t* y, size_t size);
  // a_step and b_step are 0 (one element for all) or 1.
  void (*binary)(const Q8BinaryParams& params, const uint8_t* a, size_t a_step, const uint8_t* b, size_t b_step,
                 uint8_t* y, size_t size);
};

extern const Q8ElementwiseFamily q8_elementwise_scalar;
extern const Q8ElementwiseFamily q8_elementwise_avx2;
extern const Q8ElementwiseFamily q8_elementwise_avx512;
extern const Q8ElementwiseFamily q8_elementwise_neon;

}  // namespace sealedge
