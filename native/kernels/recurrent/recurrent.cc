// Products by the GEMM tiles, gates by the vector functions. Everything between two steps lies in scratch:
//   from_x [steps * batch][D * rows]   X W^T + Wb, of all steps, time outermost
//   gates  [batch][D * rows]           from_x of this step + H R^T + Rb, then the gates themselves
//   h, c, reset, shown [batch][hidden] state, GRU's r (.) H, and what LSTM's last activation is applied to
// Columns run over both directions, as do the panels of W and R: a direction is a range of lanes.
#include "kernels/recurrent/recurrent.h"

#include <cstring>

#include "core/alignment.h"
#include "kernels/gemm/run_gemm.h"
#include "kernels/parallel.h"
#include "kernels/recurrent/recurrent_activation.h"

namespace sealedge {
namespace {

class RecurrentRun {
 public:
  RecurrentRun(const RecurrentLayer& layer, const RecurrentData<float>& data, const WeightSource& w,
               const WeightSource& r, const KernelContext& context)
      : layer_(layer),
        data_(data),
        w_(w),
        r_(r),
        context_(context),
        hidden_(layer.hidden),
        rows_(layer.gate_rows()),
        columns_(layer.directions * layer.gate_rows()) {
    uint8_t* scratch = context.scratch;
    const auto take = [&](size_t size) {
      auto* taken = reinterpret_cast<float*>(scratch);
      scratch += round_up_64(size * sizeof(float));
      return taken;
    };
    from_x_ = take(layer.steps * layer.batch * columns_);
    gates_ = take(layer.batch * columns_);
    h_ = take(layer.batch * hidden_);
    c_ = take(layer.batch * hidden_);
    reset_ = take(layer.batch * hidden_);
    shown_ = take(layer.batch * hidden_);
  }

  void run() {
    for (size_t d = 0; d < layer_.directions; d++) run_direction(d);
  }

 private:
  void run_direction(size_t d) {
    multiply_input(d);
    for (size_t b = 0; b < layer_.batch; b++) {
      load_state(data_.initial_h, d, b, h_);
      load_state(data_.initial_c, d, b, c_);
    }
    for (size_t s = 0; s < layer_.steps; s++) {
      const size_t step = layer_.runs_backward(d) ? layer_.steps - 1 - s : s;
      const float* from_x = from_x_ + step * layer_.batch * columns_;
      multiply_state(d, from_x);
      each_entry([&](size_t b) {
        if (step < data_.length(layer_, b)) {
          advance(d, b, from_x + b * columns_ + d * rows_);
          if (data_.y) std::memcpy(data_.y + layer_.y_offset(step, d, b), h_ + b * hidden_, hidden_ * sizeof(float));
        } else if (data_.y) {
          std::memset(data_.y + layer_.y_offset(step, d, b), 0, hidden_ * sizeof(float));
        }
      });
    }
    for (size_t b = 0; b < layer_.batch; b++) {
      store_state(h_, d, b, data_.y_h);
      store_state(c_, d, b, data_.y_c);
    }
  }

  void load_state(const float* from, size_t d, size_t b, float* state) const {
    if (from) {
      std::memcpy(state + b * hidden_, from + layer_.state_offset(d, b), hidden_ * sizeof(float));
    } else {
      std::memset(state + b * hidden_, 0, hidden_ * sizeof(float));
    }
  }
  void store_state(const float* state, size_t d, size_t b, float* to) const {
    if (to) std::memcpy(to + layer_.state_offset(d, b), state + b * hidden_, hidden_ * sizeof(float));
  }

  void multiply_input(size_t d) {
    const size_t along_steps = (layer_.batch_first ? 1 : layer_.batch) * layer_.input;
    const size_t along_batch = (layer_.batch_first ? layer_.steps : 1) * layer_.input;
    const ptrdiff_t start = 0;
    F32RunGemm gemm = {
        .rows = {data_.x, {1, 1, layer_.steps, layer_.batch}, {0, 0, along_steps, along_batch}},
        .run_offsets = &start,
        .runs = 1,
        .run_length = layer_.input,
        .lane_first = d * rows_,
        .lanes = rows_,
        .c = from_x_,
        .c_stride = columns_,
        .epilogue = {},
    };
    // Wb of this direction is at 2 d rows; the epilogue is indexed by columns, of which the first is d rows.
    if (data_.bias) gemm.epilogue.shift = data_.bias + d * rows_;
    f32_run_gemm(gemm, w_, context_);
  }

  // gates = H R^T + Rb (+ from_x) for `count` gates from `first` on.
  void multiply_state(size_t d, const float* h, const float* from_x, size_t first, size_t count) {
    const ptrdiff_t start = 0;
    F32RunGemm gemm = {
        .rows = {h, {1, 1, 1, layer_.batch}, {0, 0, 0, hidden_}},
        .run_offsets = &start,
        .runs = 1,
        .run_length = hidden_,
        .lane_first = d * rows_ + first * hidden_,
        .lanes = count * hidden_,
        .c = gates_,
        .c_stride = columns_,
        .epilogue = {},
    };
    if (data_.bias) gemm.epilogue.shift = data_.bias + (d + 1) * rows_;
    gemm.epilogue.residual = from_x;
    gemm.epilogue.residual_stride = columns_;
    f32_run_gemm(gemm, r_, context_);
  }

  void multiply_state(size_t d, const float* from_x) {
    if (layer_.kind != RecurrentKind::kGru) return multiply_state(d, h_, from_x, 0, recurrent_gates(layer_.kind));
    multiply_state(d, h_, from_x, 0, 2);
    if (layer_.linear_before_reset) return multiply_state(d, h_, nullptr, 2, 1);
    each_entry([&](size_t b) {
      float* r = gates_ + b * columns_ + d * rows_ + hidden_;
      activate(d, 0, r, hidden_);
      for (size_t j = 0; j < hidden_; j++) reset_[b * hidden_ + j] = r[j] * h_[b * hidden_ + j];
    });
    multiply_state(d, reset_, from_x, 2, 1);
  }

  void advance(size_t d, size_t b, const float* from_x) {
    float* gates = gates_ + b * columns_ + d * rows_;
    float* h = h_ + b * hidden_;
    switch (layer_.kind) {
      case RecurrentKind::kRnn:
        activate(d, 0, gates, hidden_);
        std::memcpy(h, gates, hidden_ * sizeof(float));
        return;
      case RecurrentKind::kGru:
        return advance_gru(d, gates, from_x, h);
      case RecurrentKind::kLstm:
        return advance_lstm(d, b, gates, h);
    }
  }

  void advance_gru(size_t d, float* gates, const float* from_x, float* h) {
    float *z = gates, *r = gates + hidden_, *candidate = gates + 2 * hidden_;
    if (layer_.linear_before_reset) {
      activate(d, 0, z, 2 * hidden_);
      for (size_t j = 0; j < hidden_; j++) candidate[j] = from_x[2 * hidden_ + j] + r[j] * candidate[j];
    } else {
      activate(d, 0, z, hidden_);
    }
    activate(d, 1, candidate, hidden_);
    for (size_t j = 0; j < hidden_; j++) h[j] = (1.0f - z[j]) * candidate[j] + z[j] * h[j];
  }

  void advance_lstm(size_t d, size_t b, float* gates, float* h) {
    float *i = gates, *o = gates + hidden_, *f = gates + 2 * hidden_, *candidate = gates + 3 * hidden_;
    float *c = c_ + b * hidden_, *shown = shown_ + b * hidden_;
    if (const float* p = data_.peepholes ? data_.peepholes + d * 3 * hidden_ : nullptr) {
      for (size_t j = 0; j < hidden_; j++) i[j] += p[j] * c[j];
      for (size_t j = 0; j < hidden_; j++) f[j] += p[2 * hidden_ + j] * c[j];
      activate(d, 0, i, hidden_);
      activate(d, 0, f, hidden_);
      advance_cell(d, i, f, candidate, c);
      for (size_t j = 0; j < hidden_; j++) o[j] += p[hidden_ + j] * c[j];
      activate(d, 0, o, hidden_);
    } else {
      activate(d, 0, i, 3 * hidden_);
      advance_cell(d, i, f, candidate, c);
    }
    std::memcpy(shown, c, hidden_ * sizeof(float));
    activate(d, 2, shown, hidden_);
    for (size_t j = 0; j < hidden_; j++) h[j] = o[j] * shown[j];
  }

  void advance_cell(size_t d, const float* i, float* f, float* candidate, float* c) const {
    activate(d, 1, candidate, hidden_);
    if (layer_.input_forget) {
      for (size_t j = 0; j < hidden_; j++) f[j] = 1.0f - i[j];
    }
    for (size_t j = 0; j < hidden_; j++) c[j] = f[j] * c[j] + i[j] * candidate[j];
  }

  void activate(size_t d, size_t which, float* x, size_t size) const {
    if (layer_.clip != __builtin_inff()) {
      // Comparisons with NaN are false: it stays.
      for (size_t j = 0; j < size; j++) {
        x[j] = x[j] > layer_.clip ? layer_.clip : x[j];
        x[j] = x[j] < -layer_.clip ? -layer_.clip : x[j];
      }
    }
    f32_recurrent_activation(layer_.activations[d][which], *context_.kernels, x, size);
  }

  template <typename Body>
  void each_entry(const Body& body) const {
    const size_t parts = parts_for(context_.parallel, layer_.batch, rows_ * kFunctionWork);
    parallel_for(context_.parallel, parts, [&](size_t index, unsigned) {
      const Part part = part_of(layer_.batch, index, parts);
      for (size_t b = part.begin; b < part.end; b++) body(b);
    });
  }

  const RecurrentLayer& layer_;
  const RecurrentData<float>& data_;
  const WeightSource &w_, &r_;
  const KernelContext& context_;
  const size_t hidden_, rows_, columns_;
  float *from_x_, *gates_, *h_, *c_, *reset_, *shown_;
};

}  // namespace

size_t f32_recurrent_scratch_bytes(const RecurrentLayer& layer) {
  const size_t columns = layer.directions * layer.gate_rows();
  return round_up_64(layer.steps * layer.batch * columns * sizeof(float)) +
         round_up_64(layer.batch * columns * sizeof(float)) +
         4 * round_up_64(layer.batch * layer.hidden * sizeof(float));
}

void f32_recurrent(const RecurrentLayer& layer, const RecurrentData<float>& data, const WeightSource& w,
                   const WeightSource& r, const KernelContext& context) {
  RecurrentRun(layer, data, w, r, context).run();
}

}  // namespace sealedge
