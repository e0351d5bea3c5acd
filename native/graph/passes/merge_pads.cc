#include "graph/passes/merge_pads.h"

#include "graph/ops/array/pad.h"
#include "graph/ops/op_parameters.h"

namespace sealedge {

namespace {

// begins..., ends... of the spatial dimensions.
std::optional<std::vector<int64_t>> spatial_pads(const Graph& graph, const Node& pad) {
  const auto pads = as_zero_pad(*pad.op, operands_of(graph, pad.inputs));
  if (!pads) return std::nullopt;
  const size_t rank = pads->size() / 2;
  if (rank < 3) return std::nullopt;
  std::vector<int64_t> spatial;
  for (size_t i = 0; i < pads->size(); ++i) {
    if (i % rank >= 2) {
      spatial.push_back((*pads)[i]);
    } else if ((*pads)[i] != 0) {
      return std::nullopt;
    }
  }
  return spatial;
}

// The window with `more` around its input. SAME looks at the size of the input, which would be another.
std::optional<WindowAttributes> widened(WindowAttributes window, const std::vector<int64_t>& more) {
  if (window.auto_pad == AutoPad::kValid) window.pads.clear();
  if (window.auto_pad != AutoPad::kValid && window.auto_pad != AutoPad::kNotSet) return std::nullopt;
  window.auto_pad = AutoPad::kNotSet;
  if (window.pads.empty()) window.pads.assign(more.size(), 0);
  if (window.pads.size() != more.size()) return std::nullopt;
  for (size_t i = 0; i < more.size(); ++i) window.pads[i] += more[i];
  return window;
}

bool has_padding(const WindowAttributes& window) {
  if (window.auto_pad == AutoPad::kValid) return false;
  if (window.auto_pad != AutoPad::kNotSet) return true;
  for (int64_t pad : window.pads) {
    if (pad != 0) return true;
  }
  return false;
}

// The operator that makes the same of the Pad's input; null if there is none.
OpPtr with_pads(const Op& op, const std::vector<int64_t>& pads) {
  if (const auto conv = as_conv(op)) {
    auto window = widened(conv->window, pads);
    return window ? make_conv(std::move(*window), conv->group) : nullptr;
  }
  const auto pool = as_pool(op);
  if (!pool || pool->kind != PoolKind::kAverage || !pool->window || pool->ceil_mode) return nullptr;
  // Zeros of the Pad count; those of an average that does not include padding do not.
  if (!pool->count_include_pad && has_padding(*pool->window)) return nullptr;
  auto window = widened(*pool->window, pads);
  return window ? make_pool(PoolKind::kAverage, std::move(*window), false, true) : nullptr;
}

bool merge(Graph* graph, Node* node, const Node& pad) {
  const auto pads = spatial_pads(*graph, pad);
  if (!pads) return false;
  OpPtr op = with_pads(*node->op, *pads);
  if (!op) return false;
  // The sums of paddings may be more than an operator takes.
  std::vector<ValueId> inputs = node->inputs;
  inputs[0] = pad.inputs[0];
  const auto facts = op->infer(operands_of(*graph, inputs));
  if (!facts.ok() || (*facts)[0].dims != graph->values[node->outputs[0]].fact.dims) return false;
  node->op = std::move(op);
  node->inputs = std::move(inputs);
  return true;
}

}  // namespace

void merge_pads(Graph* graph) {
  const std::vector<size_t> producers = graph->find_producers();
  bool merged = false;
  for (Node& node : graph->nodes) {
    if (node.inputs.empty() || node.inputs[0] == kNoValue || node.outputs.empty() || node.outputs[0] == kNoValue)
      continue;
    while (producers[node.inputs[0]] != SIZE_MAX && merge(graph, &node, graph->nodes[producers[node.inputs[0]]])) {
      merged = true;
    }
  }
  if (merged) graph->remove_dead_nodes();
}

}  // namespace sealedge
