#include "onnx/legacy.h"

#include <vector>

namespace sealedge {

ValueId input_or_ints(NodeImport& node, size_t index, std::string_view attribute, int64_t since) {
  if (node.opset() >= since) return node.input(index);
  if (!node.has(attribute)) return kNoValue;
  return node.make_ints(node.get_ints(attribute));
}

ValueId input_or_scalar(NodeImport& node, size_t index, std::string_view attribute, int64_t since) {
  if (node.opset() >= since) return node.input(index);
  if (!node.has(attribute)) return kNoValue;
  return node.make_scalar(node.get_float(attribute, 0));
}

ValueId legacy_broadcast_operand(NodeImport& node) {
  const ValueId operand = node.input(1);
  if (node.opset() >= 7 || node.get_int("broadcast", 0) == 0 || !node.has("axis")) return operand;
  return node.emit_inner(make_broadcast_axis(node.get_int("axis", 0)), {operand, node.input(0)});
}

}  // namespace sealedge
