// The formulas of the ONNX standard over libm: the oracle for the SIMD kernels, and what runs where these have no
// entry.
#include <cmath>

#include "kernels/elementwise/unary_family.h"

namespace sealedge {
namespace {

using P = UnaryParams;

// Comparisons with NaN are false: NaN passes.
float clip(P p, float x) {
  if (x < p.alpha) x = p.alpha;
  if (x > p.beta) x = p.beta;
  return x;
}
float leaky_relu(P p, float x) { return x < 0.0f ? p.alpha * x : x; }
float elu(P p, float x) { return x < 0.0f ? p.alpha * std::expm1(x) : x; }
float selu(P p, float x) { return p.beta * (x <= 0.0f ? p.alpha * std::expm1(x) : x); }
float sigmoid(P, float x) { return 1.0f / (1.0f + std::exp(-x)); }
float hard_sigmoid(P p, float x) { return clip({0.0f, 1.0f}, p.alpha * x + p.beta); }
float hard_swish(P, float x) { return x * clip({0.0f, 1.0f}, x * (1.0f / 6.0f) + 0.5f); }
// x -> -infinity: -0 and not infinity * 0.
float silu(P, float x) { return x / (1.0f + std::exp(-x)); }
float gelu(P, float x) { return 0.5f * x * (1.0f + std::erf(x * 0.70710678f)); }
// log(1 + e^x) without overflow, and accurate where e^x is far below 1.
float softplus(P, float x) { return (x > 0.0f ? x : 0.0f) + std::log1p(std::exp(-std::fabs(x))); }
float softsign(P, float x) { return x / (1.0f + std::fabs(x)); }
float mish(P, float x) { return x * std::tanh(softplus({}, x)); }
float tanh_(P, float x) { return std::tanh(x); }
float erf_(P, float x) { return std::erf(x); }
float exp_(P, float x) { return std::exp(x); }
float log_(P, float x) { return std::log(x); }
float sqrt_(P, float x) { return std::sqrt(x); }
float reciprocal(P, float x) { return 1.0f / x; }
float abs_(P, float x) { return std::fabs(x); }
float neg(P, float x) { return -x; }
float floor_(P, float x) { return std::floor(x); }
float ceil_(P, float x) { return std::ceil(x); }
float round_(P, float x) { return std::nearbyint(x); }
float sign(P, float x) { return x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : x; }
float sin_(P, float x) { return std::sin(x); }
float cos_(P, float x) { return std::cos(x); }

float tan_(P, float x) { return std::tan(x); }
float atan_(P, float x) { return std::atan(x); }
float thresholded_relu(P p, float x) { return x > p.alpha ? x : x != x ? x : 0.0f; }
float gelu_tanh(P, float x) { return 0.5f * x * (1.0f + std::tanh(0.79788456f * (x + 0.044715f * x * x * x))); }

template <float (*kFunction)(P, float)>
void each(P params, const float* x, float* y, size_t size) {
  for (size_t i = 0; i < size; i++) y[i] = kFunction(params, x[i]);
}

}  // namespace

// In the order of UnaryOp.
constexpr F32UnaryFamily f32_unary_scalar = {
    "f32_unary_scalar",
    {each<clip>,
     each<leaky_relu>,
     each<elu>,
     each<selu>,
     each<sigmoid>,
     each<hard_sigmoid>,
     each<hard_swish>,
     each<silu>,
     each<gelu>,
     each<softplus>,
     each<softsign>,
     each<mish>,
     each<tanh_>,
     each<erf_>,
     each<exp_>,
     each<log_>,
     each<sqrt_>,
     each<reciprocal>,
     each<abs_>,
     each<neg>,
     each<floor_>,
     each<ceil_>,
     each<round_>,
     each<sign>,
     each<sin_>,
     each<cos_>,
     each<tan_>,
     each<atan_>,
     each<thresholded_relu>,
     each<gelu_tanh>},
};

}  // namespace sealedge
