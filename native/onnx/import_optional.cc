// op_type -> values: optionals that can be told from the file alone. One that has a value is that value; one without is
// no input at all.
#include <array>

#include "onnx/node_import.h"

namespace sealedge {

namespace {

// Sequences are not values of the graph (sequences.h).
bool is_tensor(NodeImport& node) {
  if (!node.sequence(0)) return true;
  node.unsupported("an optional sequence");
  return false;
}

void wrap_optional(NodeImport& node) {
  if (!node.has_input(0)) return node.unsupported("an optional without a value");
  if (is_tensor(node)) node.alias_output(node.input(0));
}

void optional_get_element(NodeImport& node) {
  if (is_tensor(node)) node.alias_output(node.input(0));
}

void optional_has_element(NodeImport& node) {
  const std::array<uint8_t, 1> present = {static_cast<uint8_t>(node.has_input(0) ? 1 : 0)};
  node.constant_output({DataType::kBool, {}}, present);
}

constexpr auto kImporters = std::to_array<OpImporter>({
    {"Optional", 0, 1, wrap_optional},
    {"OptionalGetElement", 1, 1, optional_get_element},
    {"OptionalHasElement", 0, 1, optional_has_element},
});

}  // namespace

std::span<const OpImporter> optional_importers() { return kImporters; }

}  // namespace sealedge
