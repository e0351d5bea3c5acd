// op_type -> op: RNN, GRU, LSTM.
#include <array>

#include "graph/ops/product/recurrent.h"
#include "onnx/product_import.h"

namespace sealedge {

namespace {

// alpha and beta are "consumed in the order of activation functions" by those that have such a parameter.
std::vector<RecurrentActivation> activations(NodeImport& node) {
  const std::vector<float> alphas = node.get_floats("activation_alpha"), betas = node.get_floats("activation_beta");
  size_t alpha = 0, beta = 0;
  std::vector<RecurrentActivation> result;
  for (std::string_view name : node.get_strings("activations")) {
    std::optional<NamedActivation> found = find_recurrent_activation(name);
    if (!found) {
      node.invalid("unknown activation '" + printable(name) + "'");
      return {};
    }
    if (found->has_alpha && alpha < alphas.size()) found->activation.alpha = alphas[alpha++];
    if (found->has_beta && beta < betas.size()) found->activation.beta = betas[beta++];
    result.push_back(found->activation);
  }
  return result;
}

}  // namespace

RecurrentAttributes recurrent_attributes(NodeImport& node, RecurrentKind kind) {
  RecurrentAttributes attributes;
  const std::string_view direction = node.get_string("direction", "forward");
  if (direction == "reverse") {
    attributes.direction = RecurrentDirection::kReverse;
  } else if (direction == "bidirectional") {
    attributes.direction = RecurrentDirection::kBidirectional;
  } else if (direction != "forward") {
    node.invalid("unknown value of attribute 'direction'");
  }
  attributes.activations = activations(node);
  const size_t expected = recurrent_activation_count(kind, attributes.direction);
  if (!attributes.activations.empty() && attributes.activations.size() != expected) {
    node.invalid("attribute 'activations': expected " + std::to_string(expected) + ", got " +
                 std::to_string(attributes.activations.size()));
  }
  if (node.has("clip")) {
    attributes.clip = node.get_float("clip", 0);
    if (!(*attributes.clip >= 0)) node.invalid("attribute 'clip' is negative");
  }
  if (node.has("hidden_size")) attributes.hidden_size = node.get_int("hidden_size", 0);
  attributes.batch_first = node.opset() >= 14 && node.get_int("layout", 0) != 0;
  // Version 1 of GRU knew one form only.
  attributes.linear_before_reset =
      kind == RecurrentKind::kGru && node.opset() >= 3 && node.get_int("linear_before_reset", 0) != 0;
  attributes.input_forget = kind == RecurrentKind::kLstm && node.get_int("input_forget", 0) != 0;
  return attributes;
}

namespace {

template <RecurrentKind kKind>
void recurrent(NodeImport& node) {
  RecurrentAttributes attributes = recurrent_attributes(node, kKind);
  node.emit(make_recurrent(kKind, std::move(attributes)), node.inputs());
}

constexpr auto kImporters = std::to_array<OpImporter>({
    {"GRU", 3, 6, recurrent<RecurrentKind::kGru>},
    {"LSTM", 3, 8, recurrent<RecurrentKind::kLstm>},
    {"RNN", 3, 6, recurrent<RecurrentKind::kRnn>},
});

}  // namespace

std::span<const OpImporter> recurrent_importers() { return kImporters; }

}  // namespace sealedge
