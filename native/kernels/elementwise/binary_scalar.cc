#include <cmath>

#include "kernels/elementwise/binary_family.h"

namespace sealedge {
namespace {

float add(float a, float b) { return a + b; }
float sub(float a, float b) { return a - b; }
float mul(float a, float b) { return a * b; }
float div(float a, float b) { return a / b; }
// The first comparison catches a NaN in a; b is the answer if it is NaN, as both comparisons with it fail.
float min(float a, float b) { return a != a || a < b ? a : b; }
float max(float a, float b) { return a != a || a > b ? a : b; }
float pow_(float a, float b) { return std::pow(a, b); }
float prelu(float a, float b) { return a < 0.0f ? a * b : a; }

template <float (*kFunction)(float, float), size_t kStepA, size_t kStepB>
void each(const float* a, const float* b, float* y, size_t size) {
  for (size_t i = 0; i < size; i++) y[i] = kFunction(a[i * kStepA], b[i * kStepB]);
}

#define SEALEDGE_FORMS(function) {each<function, 1, 1>, each<function, 1, 0>, each<function, 0, 1>}

}  // namespace

// In the order of BinaryOp.
constexpr F32BinaryFamily f32_binary_scalar = {
    "f32_binary_scalar",
    {SEALEDGE_FORMS(add), SEALEDGE_FORMS(sub), SEALEDGE_FORMS(mul), SEALEDGE_FORMS(div), SEALEDGE_FORMS(min),
     SEALEDGE_FORMS(max), SEALEDGE_FORMS(pow_), SEALEDGE_FORMS(prelu)},
};

}  // namespace sealedge
