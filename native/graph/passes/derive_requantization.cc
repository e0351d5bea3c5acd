#include "graph/passes/derive_requantization.h"

#include <algorithm>

#include "graph/ops/product/product_parameters.h"

namespace sealedge {

namespace {

using P = ProductInput;

class ProductConstants {
 public:
  ProductConstants(Graph* graph, DerivedConstants* derived, Node* node)
      : graph_(graph), derived_(derived), node_(node) {}

  Result<void> derive() {
    node_->inputs.resize(P::kCount, kNoValue);
    channels_ = quantized_product_channels(*node_->op, graph_->values[node_->inputs[P::kW]].fact.dims);
    // The sums of MatMulInteger and ConvInteger have no scales. Without room they are computed in every run: many
    // products may share weights, and ask for as many multipliers as these have channels each.
    if (channels_ < 1 || node_->inputs[P::kWScale] == kNoValue || !derived_->has_room()) return {};
    for (size_t i : {P::kXScale, P::kWScale, P::kYScale, P::kBias, P::kBiasScale, P::kBiasZero}) {
      if (node_->inputs[i] != kNoValue && !constant(i)) return {};
    }
    if (!constant(P::kXScale)) return {};
    SEALEDGE_TRY(derive_multipliers());
    SEALEDGE_TRY(derive_bias());
    // Nothing reads these any more; the scale of Y serves the bounds of an activation.
    for (size_t i : {P::kWScale, P::kBias, P::kBiasScale, P::kBiasZero}) node_->inputs[i] = kNoValue;
    return {};
  }

 private:
  std::shared_ptr<Constant> constant(size_t input) const {
    const ValueId id = node_->inputs[input];
    if (id == kNoValue) return nullptr;
    const auto& found = graph_->values[id].constant;
    return found && found->data ? found : nullptr;
  }
  size_t count(size_t input) const {
    const ValueId id = node_->inputs[input];
    return id == kNoValue ? 0 : static_cast<size_t>(element_count(graph_->values[id].fact.dims));
  }
  const float* floats(size_t input) const {
    const auto found = constant(input);
    return found ? reinterpret_cast<const float*>(found->data) : nullptr;
  }
  std::vector<DerivedConstants::Argument> arguments(std::initializer_list<size_t> inputs) const {
    std::vector<DerivedConstants::Argument> found;
    for (size_t i : inputs) found.push_back(constant(i));
    return found;
  }
  void set_input(size_t input, std::shared_ptr<Constant> derived) {
    Value value;
    value.fact = derived->fact;
    value.constant = std::move(derived);
    node_->inputs[input] = graph_->add_value(std::move(value));
  }

  Result<void> derive_multipliers() {
    SEALEDGE_ASSIGN(auto multipliers, derived_->get(DerivedConstants::Kind::kProductMultiplier,
                                                    arguments({P::kXScale, P::kWScale, P::kYScale}),
                                                    {DataType::kFloat32, {channels_}}, [&](uint8_t* out) {
                                                      product_multipliers(*floats(P::kXScale), floats(P::kWScale),
                                                                          count(P::kWScale), floats(P::kYScale),
                                                                          static_cast<size_t>(channels_),
                                                                          reinterpret_cast<float*>(out));
                                                    }));
    set_input(P::kMultiplier, std::move(multipliers));
    return {};
  }

  Result<void> derive_bias() {
    const auto bias = constant(P::kBias);
    if (!bias) return {};
    const auto zeros = constant(P::kBiasZero);
    SEALEDGE_ASSIGN(
        auto sums,
        derived_->get(DerivedConstants::Kind::kProductBias,
                      arguments({P::kXScale, P::kWScale, P::kBias, P::kBiasScale, P::kBiasZero}),
                      {DataType::kInt32, {channels_}}, [&](uint8_t* out) {
                        product_bias(
                            {bias->fact.type, bias->data, floats(P::kBiasScale), count(P::kBiasScale),
                             zeros ? reinterpret_cast<const int32_t*>(zeros->data) : nullptr, count(P::kBiasZero)},
                            *floats(P::kXScale), floats(P::kWScale), count(P::kWScale), static_cast<size_t>(channels_),
                            reinterpret_cast<int32_t*>(out));
                      }));
    set_input(P::kSumBias, std::move(sums));
    return {};
  }

  Graph* graph_;
  DerivedConstants* derived_;
  Node* node_;
  int64_t channels_ = 0;
};

}  // namespace

Result<void> derive_requantization(Graph* graph, DerivedConstants* derived) {
  for (Node& node : graph->nodes) {
    bool trans_b = false;
    if (!is_quantized_conv(*node.op) && !is_quantized_matmul(*node.op, &trans_b)) continue;
    SEALEDGE_TRY(ProductConstants(graph, derived, &node).derive());
  }
  return {};
}

}  // namespace sealedge
