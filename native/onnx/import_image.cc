// op_type -> op: what makes images larger and smaller, and moves their pixels.
#include <array>

#include "graph/ops/array/pixel_shuffle.h"
#include "graph/ops/product/conv_transpose.h"
#include "graph/ops/window/pooling.h"
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

// p is a float in version 1.
float norm_of(NodeImport& node) {
  return node.opset() < 2 ? node.get_float("p", 2.0f) : static_cast<float>(node.get_int("p", 2));
}

void lp_pool(NodeImport& node) {
  WindowAttributes window = window_attributes(node);
  if (window.kernel_shape.empty()) return node.invalid("attribute 'kernel_shape' is missing");
  node.emit(make_lp_pool(std::move(window), node.get_int("ceil_mode", 0) != 0, norm_of(node)), {node.input(0)});
}

void global_lp_pool(NodeImport& node) { node.emit(make_global_lp_pool(norm_of(node)), {node.input(0)}); }

void max_unpool(NodeImport& node) {
  node.emit(make_max_unpool(window_attributes(node)), {node.input(0), node.input(1), node.input(2)});
}

// SpaceToDepth has a mode since opset 28.
template <OpPtr (*kMake)(int64_t block, bool channel_first)>
void pixel_shuffle(NodeImport& node) {
  const std::string_view mode = node.get_string("mode", "DCR");
  if (mode != "DCR" && mode != "CRD") return node.invalid("unknown value of attribute 'mode'");
  node.emit(kMake(node.get_int("blocksize", 0), mode == "CRD"), {node.input(0)});
}

constexpr auto kImporters = std::to_array<OpImporter>({
    {"ConvTranspose", 2, 3, conv_transpose},
    {"DepthToSpace", 1, 1, pixel_shuffle<make_depth_to_space>},
    {"GlobalLpPool", 1, 1, global_lp_pool},
    {"LpPool", 1, 1, lp_pool},
    {"MaxUnpool", 2, 3, max_unpool},
    {"Resize", 1, 4, import_resize},
    {"SpaceToDepth", 1, 1, pixel_shuffle<make_space_to_depth>},
    {"Upsample", 1, 2, import_upsample},
});

}  // namespace

std::span<const OpImporter> image_importers() { return kImporters; }

}  // namespace sealedge
