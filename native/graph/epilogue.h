// What a heavy operator may do to each result before storing it (design decision 5: weights stay as they are sealed):
//   Y[c] = activation(X[c] * scale[c] + shift[c] + residual)      c: output channel; absent parts are left out
#pragma once

#include <cstdint>

namespace sealedge {

struct Activation {
  enum class Kind : uint8_t {
    kNone,
    kRelu,
    kClip,       // min(max(x, a), b)
    kLeakyRelu,  // x < 0 ? a * x : x
    kSigmoid,
    kTanh,
    kSilu,         // x * sigmoid(x)
    kHardSigmoid,  // min(max(a * x + b, 0), 1)
    kHardSwish,    // x * min(max(x / 6 + 0.5, 0), 1)
  };
  Kind kind = Kind::kNone;
  float a = 0;
  float b = 0;
};

// What an operator can take over from the nodes after it. Asked with concrete dims, before formats are chosen.
struct EpilogueSupport {
  bool scale_shift = false;
  bool residual = false;  // a float32 tensor of the output's dims, held in the output's format
  bool activation = false;
  int64_t channel_axis = 1;  // logical output axis that scale and shift run along; negative counts from the end
  int64_t bias_input =
      -1;  // an input with one value per channel that the planner takes away and adds to shift (Conv B)
};

// What it was given. scale and shift are float32, one per channel: 64-byte aligned, readable up to the next multiple of
// 64 bytes (what is beyond the last channel has no meaning). Their values may be sealed: never copy them at prepare.
struct EpilogueSetup {
  bool has_scale = false;
  bool has_shift = false;
  bool has_residual = false;
  Activation activation;
  bool empty() const { return !has_scale && !has_shift && !has_residual && activation.kind == Activation::Kind::kNone; }
};

}  // namespace sealedge
