#include <cmath>
#include <limits>

#include "kernels/reduce/reduce_family.h"

namespace sealedge {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

float sum(const float* x, size_t size) {
  double total = 0.0;
  for (size_t i = 0; i < size; i++) total += x[i];
  return static_cast<float>(total);
}
float sum_abs(const float* x, size_t size) {
  double total = 0.0;
  for (size_t i = 0; i < size; i++) total += std::fabs(x[i]);
  return static_cast<float>(total);
}
float sum_square(const float* x, size_t size) {
  double total = 0.0;
  for (size_t i = 0; i < size; i++) total += static_cast<double>(x[i]) * x[i];
  return static_cast<float>(total);
}
float max(const float* x, size_t size) {
  float best = -kInfinity;
  for (size_t i = 0; i < size; i++) {
    if (x[i] > best || x[i] != x[i]) best = x[i];
  }
  return best;
}
float min(const float* x, size_t size) {
  float best = kInfinity;
  for (size_t i = 0; i < size; i++) {
    if (x[i] < best || x[i] != x[i]) best = x[i];
  }
  return best;
}
float sum_exp(const float* x, float shift, float* y, size_t size) {
  double total = 0.0;
  for (size_t i = 0; i < size; i++) {
    const float e = std::exp(x[i] - shift);
    if (y != nullptr) y[i] = e;
    total += e;
  }
  return static_cast<float>(total);
}

}  // namespace

constexpr F32ReduceFamily f32_reduce_scalar = {"f32_reduce_scalar", sum, sum_abs, sum_square, max, min, sum_exp};

}  // namespace sealedge
