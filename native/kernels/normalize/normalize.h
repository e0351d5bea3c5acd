// Rows made to have mean 0 and variance 1, then scaled and shifted: LayerNormalization, InstanceNormalization,
// GroupNormalization, RMSNormalization.
//
//   y = (x - mean) / sqrt(variance + epsilon) * scale + bias        RMS: mean is taken as 0
#pragma once

#include <cmath>
#include <cstddef>

#include "kernels/kernel_context.h"

namespace sealedge {

struct NormalizeRows {
  size_t rows, count;  // X and Y are [rows][count]
  float epsilon;
  bool center = true;  // false: RMS
  // Where scale and bias come from: [count], alike for all rows; or, per_segment, one value for each of `segments`
  // equal parts of a row, which start anew after `period` rows: [period][segments].
  bool per_segment = false;
  size_t segments = 1;
  size_t period = 1;

  size_t segment_size() const { return count / segments; }
  size_t affine_index(size_t row, size_t column) const {
    return per_segment ? row % period * segments + column / segment_size() : column;
  }
};

template <typename T>
struct NormalizeData {
  const T* x;
  const T* scale = nullptr;  // null: 1
  const T* bias = nullptr;   // null: 0
  T* y;                      // may be x
  float* mean = nullptr;     // [rows], null: not wanted
  float* inverse_deviation = nullptr;
};

void f32_normalize_rows(const NormalizeRows& shape, const NormalizeData<float>& data, const KernelContext& context);

// Mean and 1 / standard deviation of one row.
struct RowMoments {
  double mean = 0;
  double inverse_deviation = 0;
};
template <typename T>
RowMoments row_moments(const T* x, const NormalizeRows& shape) {
  const auto count = static_cast<double>(shape.count);
  double mean = 0, variance = 0;
  for (size_t i = 0; shape.center && i < shape.count; i++) mean += static_cast<double>(x[i]) / count;
  for (size_t i = 0; i < shape.count; i++) {
    const double deviation = static_cast<double>(x[i]) - mean;
    variance += deviation * deviation / count;
  }
  return {mean, 1 / std::sqrt(variance + static_cast<double>(shape.epsilon))};
}

// The formula, for every type.
template <typename T>
void normalize_rows_reference(const NormalizeRows& shape, const NormalizeData<T>& data) {
  for (size_t row = 0; row < shape.rows; row++) {
    const T* x = data.x + row * shape.count;
    T* y = data.y + row * shape.count;
    const RowMoments moments = row_moments(x, shape);
    if (data.mean) data.mean[row] = static_cast<float>(moments.mean);
    if (data.inverse_deviation) data.inverse_deviation[row] = static_cast<float>(moments.inverse_deviation);
    for (size_t i = 0; i < shape.count; i++) {
      double v = (static_cast<double>(x[i]) - moments.mean) * moments.inverse_deviation;
      const size_t at = shape.affine_index(row, i);
      if (data.scale) v *= static_cast<double>(data.scale[at]);
      if (data.bias) v += static_cast<double>(data.bias[at]);
      y[i] = static_cast<T>(v);
    }
  }
}

// LRN-13 over channels: x and y are (outer, channels, inner); windows of `size` channels, the middle one at
// (size - 1) / 2 rounded down.
struct LocalResponse {
  size_t outer, channels, inner;
  size_t size;
  float alpha, beta, bias;
};
template <typename T>
void local_response_reference(const LocalResponse& shape, size_t outer, const T* x, T* y) {
  const size_t before = (shape.size - 1) / 2, after = shape.size - 1 - before;
  const T* image = x + outer * shape.channels * shape.inner;
  for (size_t c = 0; c < shape.channels; c++) {
    const size_t first = c > before ? c - before : 0;
    const size_t last = after < shape.channels - 1 - c ? c + after : shape.channels - 1;
    for (size_t i = 0; i < shape.inner; i++) {
      double sum = 0;
      for (size_t k = first; k <= last; k++) {
        const auto v = static_cast<double>(image[k * shape.inner + i]);
        sum += v * v;
      }
      const size_t at = (outer * shape.channels + c) * shape.inner + i;
      const double base =
          static_cast<double>(shape.bias) + static_cast<double>(shape.alpha) / static_cast<double>(shape.size) * sum;
      y[at] = static_cast<T>(static_cast<double>(x[at]) * std::pow(base, -static_cast<double>(shape.beta)));
    }
  }
}

}  // namespace sealedge
