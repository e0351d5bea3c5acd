#include "graph/passes/quantize_graph.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "graph/ops/quantised/quantize.h"
#include "graph/passes/fold_constants.h"
#include "graph/passes/quantize_rewriter.h"

namespace sealedge {

namespace {

bool is_byte(DataType type) { return type == DataType::kInt8 || type == DataType::kUint8; }

// Far from where x / scale loses more than its last places: no real model has others.
bool is_usual_scale(float scale) { return scale > 1e-30f && scale < 1e30f; }

}  // namespace

QuantizeRewriter::QuantizeRewriter(Graph* graph, ConstantStore* store)
    : graph_(graph), store_(store), uses_(graph->count_uses()) {
  producers_.resize(graph->values.size(), SIZE_MAX);
  same_as_.resize(graph->values.size());
  std::iota(same_as_.begin(), same_as_.end(), 0);
}

const Node* QuantizeRewriter::producer(ValueId id) const {
  if (id == kNoValue || producers_[id] == SIZE_MAX) return nullptr;
  return &nodes_[producers_[id]];
}

const Node* QuantizeRewriter::sole_producer(ValueId id) const {
  const Node* node = producer(id);
  return node && uses_[id] == 1 && node->outputs.size() == 1 ? node : nullptr;
}

const Constant* QuantizeRewriter::known(ValueId id) const {
  if (id == kNoValue) return nullptr;
  const Constant* constant = graph_->values[id].constant.get();
  return constant && constant->data ? constant : nullptr;
}

std::optional<float> QuantizeRewriter::scalar_float(ValueId id) const {
  const Constant* constant = known(id);
  if (!constant || constant->fact.type != DataType::kFloat32 || element_count(constant->fact.dims) != 1 ||
      constant->fact.dims.size() > 1) {
    return std::nullopt;
  }
  float value;
  std::memcpy(&value, constant->data, sizeof value);
  return value;
}

std::optional<int32_t> QuantizeRewriter::scalar_zero(ValueId id) const {
  if (id == kNoValue) return 0;
  const Constant* constant = known(id);
  if (!constant || !is_byte(constant->fact.type) || element_count(constant->fact.dims) != 1) return std::nullopt;
  return constant->fact.type == DataType::kInt8 ? static_cast<int8_t>(*constant->data) : *constant->data;
}

// A zero point has the type of what it belongs to. Without one, the type is known of constants and of what another
// QuantizeLinear makes.
DataType QuantizeRewriter::byte_type_of(ValueId q, ValueId zero_point) const {
  const auto& values = graph_->values;
  if (zero_point != kNoValue) return values[zero_point].constant ? values[zero_point].fact.type : DataType::kUndefined;
  if (values[q].constant) return values[q].fact.type;
  const Node* made_by = producer(q);
  const auto made = made_by ? quantizing(*made_by) : std::nullopt;
  return made ? made->type.type : DataType::kUndefined;
}

std::optional<Dequantized> QuantizeRewriter::dequantized(ValueId id) const {
  const Node* node = producer(id);
  const auto attributes = node ? as_dequantize_linear(*node->op) : std::nullopt;
  if (!attributes || attributes->block_size != 0) return std::nullopt;
  const ValueId zero_point = node->inputs.size() > 2 ? node->inputs[2] : kNoValue;
  const ValueId q = node->inputs[0], scale = node->inputs[1];
  if (!graph_->values[scale].constant || graph_->values[scale].fact.type != DataType::kFloat32) return std::nullopt;
  return Dequantized{q, scale, zero_point, attributes->axis, byte_type_of(q, zero_point)};
}

std::optional<QuantizedType> QuantizeRewriter::byte_type(const Dequantized& from) const {
  const auto scale = scalar_float(from.scale);
  const auto zero = scalar_zero(from.zero_point);
  if (!scale || !zero || !is_byte(from.type) || !is_usual_scale(*scale)) return std::nullopt;
  return QuantizedType{from.type, *scale, *zero};
}

std::optional<Quantizing> QuantizeRewriter::quantizing(const Node& node) const {
  const auto attributes = as_quantize_linear(*node.op);
  if (!attributes || attributes->block_size != 0) return std::nullopt;
  const ValueId zero_point = node.inputs.size() > 2 ? node.inputs[2] : kNoValue;
  DataType type = attributes->type == DataType::kUndefined ? DataType::kUint8 : attributes->type;
  if (zero_point != kNoValue) type = graph_->values[zero_point].fact.type;
  const auto scale = scalar_float(node.inputs[1]);
  const auto zero = scalar_zero(zero_point);
  if (!scale || !zero || !is_byte(type) || !is_usual_scale(*scale)) return std::nullopt;
  return Quantizing{node.inputs[0], node.inputs[1], zero_point, {type, *scale, *zero}};
}

Clamp QuantizeRewriter::take_clamps(ValueId* value) const {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  Clamp clamp = {-kInfinity, kInfinity};
  for (const Node* node = sole_producer(*value); node; node = sole_producer(*value)) {
    std::vector<Operand> operands = operands_of(*graph_, node->inputs);
    operands[0].type = DataType::kFloat32;  // not inferred yet, but nothing else is quantised
    const auto activation = as_activation(*node->op, operands);
    if (!activation) break;
    Clamp inner = {activation->a, activation->b};
    if (activation->kind == Activation::Kind::kRelu) inner = {0.0f, kInfinity};
    if (activation->kind != Activation::Kind::kRelu && activation->kind != Activation::Kind::kClip) break;
    if (std::isnan(inner.lo) || std::isnan(inner.hi)) break;
    // Clip's upper bound wins where its bounds cross (ONNX Clip-13).
    const auto outer = [&](float v) { return std::fmin(std::fmax(v, clamp.lo), clamp.hi); };
    clamp = {outer(std::fmin(inner.lo, inner.hi)), outer(inner.hi)};
    *value = node->inputs[0];
  }
  return clamp;
}

void QuantizeRewriter::emit(Node node) {
  for (ValueId id : node.outputs) {
    if (id != kNoValue) producers_[id] = nodes_.size();
  }
  nodes_.push_back(std::move(node));
}

ValueId QuantizeRewriter::add_value() {
  const ValueId id = graph_->add_value({});
  producers_.push_back(SIZE_MAX);
  uses_.push_back(1);
  same_as_.push_back(id);
  return id;
}

Result<ValueId> QuantizeRewriter::add_bytes(const TensorFact& fact, const void* bytes) {
  SEALEDGE_ASSIGN(const size_t size_bytes, checked_size_bytes(fact));
  SEALEDGE_ASSIGN(uint8_t* data, store_->allocate(size_bytes));
  std::memcpy(data, bytes, size_bytes);
  const ValueId id = add_value();
  Value& value = graph_->values[id];
  value.fact = fact;
  value.constant = std::make_shared<Constant>();
  value.constant->fact = fact;
  value.constant->data = data;
  return id;
}

Result<void> QuantizeRewriter::run(std::initializer_list<Rewrite> rewrites) {
  std::vector<Node> old = std::move(graph_->nodes);
  graph_->nodes.clear();
  for (Node& node : old) {
    for (ValueId& id : node.inputs) {
      if (id != kNoValue) id = same_as_[id];
    }
    bool taken = false;
    for (Rewrite rewrite : rewrites) {
      SEALEDGE_ASSIGN(taken, rewrite(this, node));
      if (taken) break;
    }
    if (!taken) emit(std::move(node));
  }
  for (ValueId& id : graph_->outputs) id = same_as_[id];
  graph_->nodes = std::move(nodes_);
  graph_->remove_dead_nodes();
  return {};
}

Result<void> quantize_graph(Graph* graph, ConstantStore* store, size_t limit_bytes) {
  const auto dequantizes = [](const Node& node) { return as_dequantize_linear(*node.op).has_value(); };
  if (std::ranges::none_of(graph->nodes, dequantizes)) return {};
  // Constants that are reshaped are constants again before products look for fixed weights.
  SEALEDGE_TRY(QuantizeRewriter(graph, store).run({push_dequantize_through}));
  SEALEDGE_TRY(fold_weights(graph, store, limit_bytes, true));
  SEALEDGE_TRY(
      QuantizeRewriter(graph, store)
          .run({push_dequantize_through, quantize_product, quantize_binary, quantize_rows, quantize_concat, tabulate}));
  // What is left of products is read as float32.
  SEALEDGE_TRY(QuantizeRewriter(graph, store).run({integer_product_with_bias}));
  return QuantizeRewriter(graph, store).run({integer_product});
}

}  // namespace sealedge
