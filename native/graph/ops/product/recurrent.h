// RNN, GRU and LSTM.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "graph/ops.h"
#include "kernels/recurrent/recurrent.h"

namespace sealedge {

enum class RecurrentDirection : uint8_t { kForward, kReverse, kBidirectional };

struct RecurrentAttributes {
  RecurrentDirection direction = RecurrentDirection::kForward;
  std::vector<RecurrentActivation> activations = {};  // f, g, h of each direction in turn; empty: the standard's
  std::optional<float> clip = std::nullopt;
  std::optional<int64_t> hidden_size = std::nullopt;  // must agree with R
  bool batch_first = false;                           // layout = 1
  bool linear_before_reset = false;
  bool input_forget = false;
};

// Inputs X, W, R, B, sequence_lens, initial_h and, LSTM only, initial_c, P; all but the first three optional. Outputs
// Y, Y_h and, LSTM only, Y_c.
OpPtr make_recurrent(RecurrentKind kind, RecurrentAttributes attributes);

// How many activations an attribute that gives any must give.
size_t recurrent_activation_count(RecurrentKind kind, RecurrentDirection direction);

// An activation by its name in the standard (any case), with its default alpha and beta, and which of them it has.
struct NamedActivation {
  RecurrentActivation activation;
  bool has_alpha = false;
  bool has_beta = false;
};
std::optional<NamedActivation> find_recurrent_activation(std::string_view name);

}  // namespace sealedge
