// Elementwise work between one DequantizeLinear and a QuantizeLinear, whatever it consists of, is a function of a byte:
// a table of 256, computed here with the scalar kernels, so that it is the same on every CPU.
#include <algorithm>
#include <limits>
#include <map>
#include <string_view>

#include "graph/passes/quantize_rewriter.h"
#include "kernels/dispatch.h"
#include "kernels/qelementwise/qelementwise_scalar.h"

namespace sealedge {

namespace {

constexpr size_t kMostNodes = 16;

// float32 in, float32 out, element by element; other inputs are constants of one element.
bool is_elementwise(const Op& op) {
  if (const auto unary = as_unary(op)) return *unary != UnaryKind::kNot && *unary != UnaryKind::kIsNaN;
  if (const auto binary = as_binary(op)) {
    switch (*binary) {
      case BinaryKind::kAdd:
      case BinaryKind::kSub:
      case BinaryKind::kMul:
      case BinaryKind::kDiv:
      case BinaryKind::kPow:
      case BinaryKind::kMin:
      case BinaryKind::kMax:
      case BinaryKind::kPRelu:
        return true;
      default:
        return false;
    }
  }
  return std::string_view(op.op_type()) == "Clip";
}

// The nodes between, in running order, and the one dequantised value that they read.
class Region {
 public:
  explicit Region(const QuantizeRewriter& rewriter) : rewriter_(rewriter) {}

  // `depth`: nodes between the value and QuantizeLinear. More than are taken would only be walked in vain, by every
  // QuantizeLinear along a chain.
  bool collect(ValueId value, size_t depth = 0) {
    if (const auto from = rewriter_.dequantized(value); from && rewriter_.byte_type(*from)) {
      if (source_ == kNoValue) source_ = value;
      return source_ == value;
    }
    if (std::ranges::find(made_, value) != made_.end()) return true;
    const Node* node = rewriter_.producer(value);
    if (!node || depth >= kMostNodes || node->outputs.size() != 1 || !is_elementwise(*node->op)) return false;
    for (ValueId input : node->inputs) {
      if (input == kNoValue) continue;
      if (const Dims* number = as_number(input)) {
        rank_ = std::max(rank_, number->size());
      } else if (!collect(input, depth + 1)) {
        return false;
      }
    }
    if (nodes_.size() >= kMostNodes) return false;
    nodes_.push_back(node);
    made_.push_back(value);
    return true;
  }

  ValueId source() const { return source_; }
  const std::vector<const Node*>& nodes() const { return nodes_; }
  // A result has at least as many dimensions: those of the numbers that it is computed with.
  size_t rank() const { return rank_; }

 private:
  // The dims of a constant of one element; null for all else.
  const Dims* as_number(ValueId id) const {
    if (!rewriter_.known(id)) return nullptr;
    const TensorFact& fact = rewriter_.graph().values[id].fact;
    return fact.type == DataType::kFloat32 && element_count(fact.dims) == 1 ? &fact.dims : nullptr;
  }

  const QuantizeRewriter& rewriter_;
  size_t rank_ = 0;
  ValueId source_ = kNoValue;
  std::vector<const Node*> nodes_;
  std::vector<ValueId> made_;
};

using Column = std::vector<float>;  // the value for each of the 256 bytes

// Runs one node on columns. Nothing: the operator cannot, which is then reported when it is planned.
std::optional<Column> evaluate(const Node& node, const Region& region, const QuantizeRewriter& rewriter,
                               const std::map<ValueId, Column>& columns) {
  std::vector<Operand> operands;
  std::vector<const uint8_t*> pointers;
  for (ValueId id : node.inputs) {
    Operand operand;
    if (id != kNoValue) {
      operand = {.present = true, .type = DataType::kFloat32, .dims = {256}};
      const auto column = columns.find(id);
      if (column == columns.end()) {
        operand.dims = {};
        operand.constant = true;
        operand.data = rewriter.known(id)->data;
      }
      pointers.push_back(operand.data ? operand.data : reinterpret_cast<const uint8_t*>(column->second.data()));
    } else {
      pointers.push_back(nullptr);
    }
    operands.push_back(operand);
  }
  const auto facts = node.op->infer(operands);
  if (!facts.ok() || facts->size() != 1 || (*facts)[0].type != DataType::kFloat32 || (*facts)[0].dims != Dims{256}) {
    return std::nullopt;
  }
  const Operand output = {.present = true, .type = DataType::kFloat32, .dims = {256}};
  const auto kernel = node.op->prepare({.inputs = operands, .outputs = {&output, 1}, .epilogue = {}});
  if (!kernel.ok() || (*kernel)->scratch_bytes() != 0) return std::nullopt;
  Column result(256);
  auto* out = reinterpret_cast<uint8_t*>(result.data());
  RunArgs args;
  args.inputs = pointers;
  args.outputs = {&out, 1};
  args.kernels = available_kernels().data[0];
  return (*kernel)->run(args).ok() ? std::optional(std::move(result)) : std::nullopt;
}

}  // namespace

Result<bool> tabulate(QuantizeRewriter* rewriter, const Node& node) {
  const auto to = rewriter->quantizing(node);
  if (!to) return false;
  Region region(*rewriter);
  if (!region.collect(to->x) || region.source() == kNoValue) return false;
  const Dequantized from = *rewriter->dequantized(region.source());
  const QuantizedType type = *rewriter->byte_type(from);
  if (region.nodes().empty() && type == to->type) {
    rewriter->replace(node.outputs[0], from.q);
    return true;
  }

  std::map<ValueId, Column> columns;
  Column& source = columns[region.source()];
  for (size_t x = 0; x < 256; x++) source.push_back(q8_dequantize_scalar(type.reading(), static_cast<uint8_t>(x)));
  for (const Node* inner : region.nodes()) {
    auto column = evaluate(*inner, region, *rewriter, columns);
    if (!column) return false;
    columns[inner->outputs[0]] = std::move(*column);
  }
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const Q8Step step = to->type.writing(-kInfinity, kInfinity);
  ByteTable table;
  for (size_t x = 0; x < 256; x++) table[x] = q8_quantize_scalar(step, columns[to->x][x]);
  Node lookup;
  lookup.op = make_lookup(region.nodes().empty() ? "Requantize" : region.nodes().back()->op->op_type(), type.type,
                          to->type.type, table, region.rank());
  lookup.name = node.name;
  lookup.inputs = {from.q};
  lookup.outputs = node.outputs;
  rewriter->emit(std::move(lookup));
  return true;
}

}  // namespace sealedge
