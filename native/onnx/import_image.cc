// op_type -> op: what makes images larger and smaller, and moves their pixels.
#include <array>

#include "graph/ops/conv_transpose.h"
#include "onnx/import_resize.h"
#include "onnx/node_import.h"
#include "onnx/window_attributes.h"

namespace sealedge {

namespace {

void conv_transpose(NodeImport& node) {
  const int64_t group = node.get_int("group", 1);
  if (group < 1) return node.invalid("attribute 'group' must be positive");
  node.emit(make_conv_transpose(window_attributes(node), node.get_ints("output_padding"), node.get_ints("output_shape"),
                                group),
            {node.input(0), node.input(1), node.input(2)});
}

constexpr auto kImporters = std::to_array<OpImporter>({
    {"ConvTranspose", 2, 3, conv_transpose},
    {"Resize", 1, 4, import_resize},
    {"Upsample", 1, 2, import_upsample},
});

}  // namespace

std::span<const OpImporter> image_importers() { return kImporters; }

}  // namespace sealedge
