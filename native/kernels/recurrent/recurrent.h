// RNN, GRU and LSTM (ONNX RNN-14, GRU-14, LSTM-14): what one layer is, and its data.
//
// Gates, in the order of the rows of W, R and of B: RNN i; GRU z r h; LSTM i o f c. Shapes, D directions, G gates:
//   X (steps, batch, input)   W (D, G * hidden, input)   R (D, G * hidden, hidden)   B (D, 2 * G * hidden): Wb, Rb
//   Y (steps, D, batch, hidden)   Y_h, Y_c, initial_h, initial_c (D, batch, hidden)   P (D, 3 * hidden): i o f
// and with batch_first (layout = 1) X (batch, steps, input), Y (batch, steps, D, hidden), states (batch, D, hidden).
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/kernel_context.h"
#include "kernels/weight_source.h"

namespace sealedge {

enum class RecurrentKind : uint8_t { kRnn, kGru, kLstm };
constexpr size_t recurrent_gates(RecurrentKind kind) {
  return kind == RecurrentKind::kLstm ? 4 : kind == RecurrentKind::kGru ? 3 : 1;
}

enum class RecurrentFunction : uint8_t {
  kRelu,
  kTanh,
  kSigmoid,
  kAffine,           // alpha * x + beta
  kLeakyRelu,        // x < 0 ? alpha * x : x
  kThresholdedRelu,  // x > alpha ? x : 0; the standard's list says >=, its operator >: alike but at one point
  kScaledTanh,       // alpha * tanh(beta * x)
  kHardSigmoid,      // min(max(alpha * x + beta, 0), 1)
  kElu,              // x < 0 ? alpha * (e^x - 1) : x
  kSoftsign,
  kSoftplus,
};
struct RecurrentActivation {
  RecurrentFunction function = RecurrentFunction::kTanh;
  float alpha = 0.0f;
  float beta = 0.0f;
  bool operator==(const RecurrentActivation&) const = default;
};

struct RecurrentLayer {
  RecurrentKind kind;
  size_t steps, batch, input, hidden, directions;
  bool reverse = false;                        // of the first direction; a second one is always reverse
  bool batch_first = false;                    // layout = 1
  bool linear_before_reset = false;            // GRU
  bool input_forget = false;                   // LSTM
  float clip = __builtin_inff();               // bound on what goes into an activation; infinity: none
  RecurrentActivation activations[2][3] = {};  // per direction: f, g, h

  size_t gate_rows() const { return recurrent_gates(kind) * hidden; }
  bool runs_backward(size_t direction) const { return direction == 1 || reverse; }
  size_t x_offset(size_t step, size_t entry) const {
    return (batch_first ? entry * steps + step : step * batch + entry) * input;
  }
  size_t y_offset(size_t step, size_t direction, size_t entry) const {
    const size_t row =
        batch_first ? (entry * steps + step) * directions + direction : (step * directions + direction) * batch + entry;
    return row * hidden;
  }
  size_t state_offset(size_t direction, size_t entry) const {
    return (batch_first ? entry * directions + direction : direction * batch + entry) * hidden;
  }
};

// Any pointer but x may be null: no bias, zero states, no peepholes, every sequence of full length, output not wanted.
template <typename T>
struct RecurrentData {
  const T* x = nullptr;
  const T* bias = nullptr;
  const int32_t* lengths = nullptr;  // per entry of the batch; in the caller's memory, which may change under us
  const T* initial_h = nullptr;
  const T* initial_c = nullptr;
  const T* peepholes = nullptr;
  T* y = nullptr;  // zero beyond the end of a sequence
  T* y_h = nullptr;
  T* y_c = nullptr;

  size_t length(const RecurrentLayer& layer, size_t entry) const {
    const size_t length = lengths ? static_cast<size_t>(lengths[entry]) : layer.steps;
    return length < layer.steps ? length : layer.steps;
  }
};

// W and R in kPanel16, kGemmNK: the input product of all steps is one GEMM per direction, the recurrent one a GEMM per
// step. Never allocates, never fails; hidden, input >= 1. x and outputs do not overlap.
size_t f32_recurrent_scratch_bytes(const RecurrentLayer& layer);
void f32_recurrent(const RecurrentLayer& layer, const RecurrentData<float>& data, const WeightSource& w,
                   const WeightSource& r, const KernelContext& context);

}  // namespace sealedge
