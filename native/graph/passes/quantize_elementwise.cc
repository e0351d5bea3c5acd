// Add and Mul of two quantised tensors; pools and softmax of one.
#include <limits>

#include "graph/passes/quantize_rewriter.h"

namespace sealedge {

namespace {

struct Operand8 {
  ValueId q;
  QuantizedType type;
};

std::optional<Operand8> operand(const QuantizeRewriter& rewriter, ValueId id) {
  const auto from = rewriter.dequantized(id);
  const auto type = from ? rewriter.byte_type(*from) : std::nullopt;
  return type ? std::optional(Operand8{from->q, *type}) : std::nullopt;
}

}  // namespace

Result<bool> quantize_binary(QuantizeRewriter* rewriter, const Node& node) {
  const auto to = rewriter->quantizing(node);
  if (!to) return false;
  ValueId value = to->x;
  const Clamp clamp = rewriter->take_clamps(&value);
  const Node* binary = rewriter->sole_producer(value);
  const auto kind = binary ? as_binary(*binary->op) : std::nullopt;
  if (!kind || (*kind != BinaryKind::kAdd && *kind != BinaryKind::kMul)) return false;
  const auto a = operand(*rewriter, binary->inputs[0]), b = operand(*rewriter, binary->inputs[1]);
  if (!a || !b) return false;
  Node quantized;
  quantized.op = make_quantized_binary(*kind == BinaryKind::kAdd ? Q8Binary::kAdd : Q8Binary::kMul, a->type, b->type,
                                       to->type, clamp.lo, clamp.hi);
  quantized.name = binary->name;
  quantized.inputs = {a->q, b->q};
  quantized.outputs = node.outputs;
  rewriter->emit(std::move(quantized));
  return true;
}

Result<bool> quantize_rows(QuantizeRewriter* rewriter, const Node& node) {
  const auto to = rewriter->quantizing(node);
  const Node* inner = to ? rewriter->sole_producer(to->x) : nullptr;
  if (!inner || inner->inputs.empty()) return false;
  const auto x = operand(*rewriter, inner->inputs[0]);
  if (!x) return false;
  Node quantized;
  if (const auto pool = as_pool(*inner->op); pool && pool->kind == PoolKind::kAverage) {
    quantized.op = make_quantized_pool(*pool, x->type, to->type);
  } else if (const auto softmax = as_softmax(*inner->op)) {
    quantized.op = make_quantized_softmax(*softmax, x->type, to->type);
  } else {
    return false;
  }
  quantized.name = inner->name;
  quantized.inputs = {x->q};
  quantized.outputs = node.outputs;
  rewriter->emit(std::move(quantized));
  return true;
}

}  // namespace sealedge
