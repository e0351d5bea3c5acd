#include "kernels/qelementwise/qelementwise_scalar.h"

#include "kernels/qelementwise/qelementwise_family.h"

namespace sealedge {
namespace {

void dequantize(const Q8Scale& from, const uint8_t* x, float* y, size_t size) {
  for (size_t i = 0; i < size; i++) y[i] = q8_dequantize_scalar(from, x[i]);
}
void quantize(const Q8Step& to, const float* x, uint8_t* y, size_t size) {
  for (size_t i = 0; i < size; i++) y[i] = q8_quantize_scalar(to, x[i]);
}
void binary(const Q8BinaryParams& params, const uint8_t* a, size_t a_step, const uint8_t* b, size_t b_step, uint8_t* y,
            size_t size) {
  for (size_t i = 0; i < size; i++) y[i] = q8_binary_scalar(params, a[i * a_step], b[i * b_step]);
}

}  // namespace

constexpr Q8ElementwiseFamily q8_elementwise_scalar = {"q8_elementwise_scalar", dequantize, quantize, binary};

}  // namespace sealedge
