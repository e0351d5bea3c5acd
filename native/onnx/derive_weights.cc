#include "onnx/derive_weights.h"

#include <algorithm>
#include <unordered_map>

#include "core/weight_packing.h"
#include "graph/control_flow.h"
#include "graph/evaluate.h"
#include "onnx/load_constants.h"

namespace sealedge {

namespace {

// Beside what the model's size allows: tables and masks that are made of a few numbers.
constexpr size_t kFreeBytes = size_t{64} << 20;
// Weights of 8 bits become float32; of 4 bits, of which there are two in a byte, the larger half is left for the run.
constexpr size_t kKeptPerWeightByte = 4;
// A dozen operators, each of which reads and writes them. Bounds the time that loading takes.
constexpr size_t kWorkPerWeightByte = 32;

size_t saturating_multiply(size_t a, size_t b) { return b != 0 && a > SIZE_MAX / b ? SIZE_MAX : a * b; }
size_t saturating_add(size_t a, size_t b) { return a > SIZE_MAX - b ? SIZE_MAX : a + b; }

class Derivation {
 public:
  Derivation(const ModelLimits& limits, ConstantStore* store)
      : store_(store),
        unbounded_(store->kind() == ConstantStore::Kind::kSecret),
        weight_bytes_(store->allocated_bytes()),
        max_bytes_(std::min(limits.max_derived_bytes,
                            saturating_add(kFreeBytes, saturating_multiply(weight_bytes_, kKeptPerWeightByte)))),
        max_work_(saturating_add(kFreeBytes, saturating_multiply(weight_bytes_, kWorkPerWeightByte))) {}

  void derive(Graph* graph) {
    std::vector<uint32_t> uses = graph->count_uses();
    std::vector<bool> done(graph->nodes.size(), false);
    for (size_t i = 0; i < graph->nodes.size(); ++i) {
      for (std::shared_ptr<const Graph>& body : graph->nodes[i].bodies) {
        auto copy = std::make_shared<Graph>(*body);
        derive(copy.get());
        body = std::move(copy);
      }
      done[i] = derive_node(graph, i);
      if (!done[i]) continue;
      // What nobody else reads is given back.
      for (ValueId id : graph->nodes[i].inputs) {
        if (id == kNoValue || --uses[id] > 0) continue;
        if (graph->values[id].constant->owner) graph->values[id].constant.reset();
      }
    }
    size_t index = 0;
    std::erase_if(graph->nodes, [&](const Node&) { return done[index++]; });
    graph->remove_dead_nodes();
  }
  bool made_something() const { return work_ > 0; }

 private:
  bool derive_node(Graph* graph, size_t index) {
    Node& node = graph->nodes[index];
    bool reads = false;
    for (ValueId id : node.inputs) {
      if (id == kNoValue) continue;
      const Constant* constant = graph->values[id].constant.get();
      if (!constant || !constant->data) return false;
      reads = true;
    }
    if (!reads || as_control_flow(*node.op)) return false;
    const std::vector<Operand> inputs = operands_of(*graph, node.inputs);
    if (!unbounded_ && !dims_.take_work(node.op->infer_work(inputs))) return false;
    if (!infer_node(graph, &node).ok()) return false;
    // Views cost nothing, whatever the limit.
    const size_t bytes = bytes_written(*graph, node), work = saturating_add(bytes_read(*graph, node), bytes);
    FoldBudget views_only(0);
    const bool allowed =
        unbounded_ || (is_linear(*node.op, inputs, operands_of(*graph, node.outputs)) && fits(bytes, work));
    const auto made = make_constant(graph, index, store_, allowed ? nullptr : &views_only);
    if (!made.ok() || !*made) return false;
    if (!is_view(*graph, node)) work_ = saturating_add(work_, work);
    return true;
  }

  // What others do (a window as large as its input, an Einsum) may take far longer than reading and writing does, so
  // they are held to what is computed when a plan is made (graph/evaluate.h).
  static bool is_linear(const Op& op, const std::vector<Operand>& inputs, const std::vector<Operand>& outputs) {
    return op.work(inputs, outputs) <= linear_work(inputs, outputs);
  }

  bool fits(size_t bytes, size_t work) const {
    const size_t live = store_->allocated_bytes() - weight_bytes_;
    return live <= max_bytes_ && bytes <= max_bytes_ - live && work <= max_work_ - std::min(work_, max_work_);
  }

  static bool is_view(const Graph& graph, const Node& node) {
    return node.inputs[0] != kNoValue && node.outputs[0] != kNoValue &&
           graph.values[node.inputs[0]].constant == graph.values[node.outputs[0]].constant;
  }
  static size_t bytes_of(const Graph& graph, const std::vector<ValueId>& ids) {
    size_t bytes = 0;
    for (ValueId id : ids) {
      if (id == kNoValue) continue;
      const auto size = checked_size_bytes(graph.values[id].fact);
      bytes = saturating_add(bytes, size.ok() ? *size : SIZE_MAX);
    }
    return bytes;
  }
  static size_t bytes_read(const Graph& graph, const Node& node) { return bytes_of(graph, node.inputs); }
  static size_t bytes_written(const Graph& graph, const Node& node) { return bytes_of(graph, node.outputs); }

  ConstantStore* store_;
  const bool unbounded_;
  const size_t weight_bytes_;
  const size_t max_bytes_;
  const size_t max_work_;
  size_t work_ = 0;
  FoldBudget dims_{0};  // work, to learn what comes out where that depends on elements
};

// In the layouts that are wanted; row-major only where somebody reads it so.
Result<void> lay_out(Constant* constant, const std::vector<WeightPlacement>& wanted, ConstantStore* store) {
  bool row_major = false;
  for (const WeightPlacement& placement : wanted) {
    if (placement.layout == WeightLayout::kPlain) {
      row_major = true;
      continue;
    }
    if (constant->find(placement)) continue;
    SEALEDGE_ASSIGN(const WeightGeometry geometry, weight_geometry(placement.layout, placement.order, placement.dims));
    SEALEDGE_ASSIGN(uint8_t* packed, store->allocate(geometry.size_bytes));
    pack_weight(geometry, constant->data, packed);
    constant->packed.push_back({placement, std::make_unique<ResidentWeightSource>(packed, geometry.size_bytes)});
  }
  if (!row_major && constant->owner) {
    constant->data = nullptr;
    constant->owner.reset();
  }
  return {};
}

}  // namespace

Result<void> derive_weights(Graph* graph, ConstantStore* store) {
  Derivation derivation(graph->limits, store);
  derivation.derive(graph);
  if (!derivation.made_something()) return {};
  const auto wanted = wanted_placements(*graph);
  if (!wanted.ok()) return {};  // in too many layouts: packed by the plans that want them
  std::unordered_map<const Constant*, std::shared_ptr<Constant>> derived;
  for_each_graph(*graph, [&](const Graph& part) {
    for (const Value& value : part.values) {
      if (value.constant && value.constant->source == SIZE_MAX && value.constant->data) {
        derived.emplace(value.constant.get(), value.constant);
      }
    }
  });
  for (const auto& [key, constant] : derived) {
    const auto found = wanted->find(key);
    if (found != wanted->end()) SEALEDGE_TRY(lay_out(constant.get(), found->second, store));
  }
  return {};
}

}  // namespace sealedge
