// The recurrent layers as the standard's formulas, one entry of the batch after the other, in double: oracle of the
// float32 kernel, and what runs for the other types.
#pragma once

#include "kernels/recurrent/recurrent_activation.h"

namespace sealedge {

// Room for what recurrent_reference() computes in.
inline size_t recurrent_reference_scratch_bytes(const RecurrentLayer& layer) {
  return (2 * layer.gate_rows() + 2 * layer.hidden) * sizeof(double);
}

template <typename T>
class RecurrentReference {
 public:
  RecurrentReference(const RecurrentLayer& layer, const RecurrentData<T>& data, const T* w, const T* r, double* scratch)
      : layer_(layer),
        data_(data),
        w_(w),
        r_(r),
        from_x_(scratch),
        from_h_(scratch + layer.gate_rows()),
        h_(scratch + 2 * layer.gate_rows()),
        c_(h_ + layer.hidden) {}

  void run() {
    for (size_t d = 0; d < layer_.directions; d++) {
      for (size_t b = 0; b < layer_.batch; b++) run_sequence(d, b);
    }
  }

 private:
  void run_sequence(size_t d, size_t b) {
    const size_t state = layer_.state_offset(d, b), hidden = layer_.hidden;
    for (size_t j = 0; j < hidden; j++) {
      h_[j] = data_.initial_h ? static_cast<double>(data_.initial_h[state + j]) : 0.0;
      c_[j] = data_.initial_c ? static_cast<double>(data_.initial_c[state + j]) : 0.0;
    }
    const size_t length = data_.length(layer_, b);
    for (size_t s = 0; s < length; s++) {
      const size_t step = layer_.runs_backward(d) ? length - 1 - s : s;
      advance(d, data_.x + layer_.x_offset(step, b));
      if (data_.y) store(data_.y + layer_.y_offset(step, d, b), h_);
    }
    for (size_t step = length; data_.y && step < layer_.steps; step++) {
      for (size_t j = 0; j < hidden; j++) data_.y[layer_.y_offset(step, d, b) + j] = static_cast<T>(0.0f);
    }
    if (data_.y_h) store(data_.y_h + state, h_);
    if (data_.y_c) store(data_.y_c + state, c_);
  }

  void advance(size_t d, const T* x) {
    const size_t rows = layer_.gate_rows();
    for (size_t g = 0; g < rows; g++) {
      const T* w = w_ + (d * rows + g) * layer_.input;
      from_x_[g] = data_.bias ? static_cast<double>(data_.bias[d * 2 * rows + g]) : 0.0;
      for (size_t i = 0; i < layer_.input; i++) from_x_[g] += static_cast<double>(x[i]) * static_cast<double>(w[i]);
      // Of the candidate of a GRU that resets before the product: recomputed there.
      from_h_[g] = product(d, g, nullptr);
    }
    switch (layer_.kind) {
      case RecurrentKind::kRnn:
        for (size_t j = 0; j < layer_.hidden; j++) h_[j] = activate(d, 0, from_x_[j] + from_h_[j]);
        return;
      case RecurrentKind::kGru:
        return advance_gru(d);
      case RecurrentKind::kLstm:
        return advance_lstm(d);
    }
  }

  void advance_gru(size_t d) {
    const size_t hidden = layer_.hidden;
    double *z = from_x_, *r = from_x_ + hidden, *candidate = from_x_ + 2 * hidden;
    for (size_t j = 0; j < 2 * hidden; j++) from_x_[j] = activate(d, 0, from_x_[j] + from_h_[j]);
    for (size_t j = 0; j < hidden; j++) {
      const double recurrent =
          layer_.linear_before_reset ? r[j] * from_h_[2 * hidden + j] : product(d, 2 * hidden + j, r);
      candidate[j] = activate(d, 1, candidate[j] + recurrent);
    }
    for (size_t j = 0; j < hidden; j++) h_[j] = (1 - z[j]) * candidate[j] + z[j] * h_[j];
  }

  void advance_lstm(size_t d) {
    const size_t hidden = layer_.hidden;
    const T* p = data_.peepholes ? data_.peepholes + d * 3 * hidden : nullptr;
    for (size_t j = 0; j < hidden; j++) {
      double gate[4];  // i o f c
      for (size_t g = 0; g < 4; g++) gate[g] = from_x_[g * hidden + j] + from_h_[g * hidden + j];
      if (p) gate[0] += static_cast<double>(p[j]) * c_[j];
      if (p) gate[2] += static_cast<double>(p[2 * hidden + j]) * c_[j];
      const double i = activate(d, 0, gate[0]);
      const double f = layer_.input_forget ? 1 - i : activate(d, 0, gate[2]);
      c_[j] = f * c_[j] + i * activate(d, 1, gate[3]);
      if (p) gate[1] += static_cast<double>(p[hidden + j]) * c_[j];
      h_[j] = activate(d, 0, gate[1]) * activate(d, 2, c_[j]);
    }
  }

  // Row g of R times H, elementwise scaled by `reset` if given, plus Rb.
  double product(size_t d, size_t g, const double* reset) const {
    const size_t rows = layer_.gate_rows();
    const T* r = r_ + (d * rows + g) * layer_.hidden;
    double sum = data_.bias ? static_cast<double>(data_.bias[(d * 2 + 1) * rows + g]) : 0.0;
    for (size_t j = 0; j < layer_.hidden; j++) sum += static_cast<double>(r[j]) * h_[j] * (reset ? reset[j] : 1.0);
    return sum;
  }

  double activate(size_t d, size_t which, double x) const {
    if (x > layer_.clip) x = layer_.clip;
    if (x < -layer_.clip) x = -layer_.clip;
    return recurrent_activation(layer_.activations[d][which], x);
  }

  void store(T* out, const double* values) const {
    for (size_t j = 0; j < layer_.hidden; j++) out[j] = static_cast<T>(values[j]);
  }

  const RecurrentLayer& layer_;
  const RecurrentData<T>& data_;
  const T *w_, *r_;
  double *from_x_, *from_h_, *h_, *c_;
};

}  // namespace sealedge
