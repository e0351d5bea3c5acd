// op_type -> op: what reads images at computed positions, and columns of pixels.
#include <array>

#include "graph/ops/window/col2im.h"
#include "graph/ops/window/sampling.h"
#include "onnx/node_import.h"
#include "onnx/window_attributes.h"

namespace sealedge {

namespace {

void grid_sample(NodeImport& node) {
  const std::string_view mode = node.get_string("mode", "linear"), padding = node.get_string("padding_mode", "zeros");
  SampleMode how;
  if (mode == "linear" || mode == "bilinear") {  // bi-: before version 20
    how = SampleMode::kLinear;
  } else if (mode == "cubic" || mode == "bicubic") {
    how = SampleMode::kCubic;
  } else if (mode == "nearest") {
    how = SampleMode::kNearest;
  } else {
    return node.invalid("unknown value of attribute 'mode'");
  }
  SamplePadding outside;
  if (padding == "zeros") {
    outside = SamplePadding::kZeros;
  } else if (padding == "border") {
    outside = SamplePadding::kBorder;
  } else if (padding == "reflection") {
    outside = SamplePadding::kReflection;
  } else {
    return node.invalid("unknown value of attribute 'padding_mode'");
  }
  node.emit(make_grid_sample(how, outside, node.get_int("align_corners", 0) != 0), {node.input(0), node.input(1)});
}

void affine_grid(NodeImport& node) {
  node.emit(make_affine_grid(node.get_int("align_corners", 0) != 0), {node.input(0), node.input(1)});
}

void roi_align(NodeImport& node) {
  const std::string_view mode = node.get_string("mode", "avg");
  if (mode != "avg" && mode != "max") return node.invalid("unknown value of attribute 'mode'");
  // Version 10 knew no shift.
  const std::string_view unshifted = "output_half_pixel";
  const std::string_view coordinates =
      node.opset() >= 16 ? node.get_string("coordinate_transformation_mode", "half_pixel") : unshifted;
  if (coordinates != "half_pixel" && coordinates != unshifted) {
    return node.invalid("unknown value of attribute 'coordinate_transformation_mode'");
  }
  node.emit(make_roi_align({.height = node.get_int("output_height", 1),
                            .width = node.get_int("output_width", 1),
                            .spatial_scale = node.get_float("spatial_scale", 1.0f),
                            .sampling_ratio = node.get_int("sampling_ratio", 0),
                            .maximum = mode == "max",
                            .half_pixel = coordinates == "half_pixel"}),
            {node.input(0), node.input(1), node.input(2)});
}

void max_roi_pool(NodeImport& node) {
  const std::vector<int64_t> size = node.get_ints("pooled_shape");
  if (size.size() != 2) return node.invalid("attribute 'pooled_shape': expected 2 values");
  node.emit(
      make_max_roi_pool({.height = size[0], .width = size[1], .spatial_scale = node.get_float("spatial_scale", 1.0f)}),
      {node.input(0), node.input(1)});
}

void col2im(NodeImport& node) {
  node.emit(make_col2im(window_attributes(node)), {node.input(0), node.input(1), node.input(2)});
}

void deform_conv(NodeImport& node) {
  const int64_t group = node.get_int("group", 1), offset_group = node.get_int("offset_group", 1);
  if (group < 1 || offset_group < 1) return node.invalid("attributes 'group' and 'offset_group' must be positive");
  node.emit(make_deform_conv(window_attributes(node), group, offset_group),
            {node.input(0), node.input(1), node.input(2), node.input(3), node.input(4)});
}

constexpr auto kImporters = std::to_array<OpImporter>({
    {"AffineGrid", 2, 2, affine_grid},
    {"Col2Im", 3, 3, col2im},
    {"DeformConv", 3, 5, deform_conv},
    {"GridSample", 2, 2, grid_sample},
    {"MaxRoiPool", 2, 2, max_roi_pool},
    {"RoiAlign", 3, 3, roi_align},
});

}  // namespace

std::span<const OpImporter> sampling_importers() { return kImporters; }

}  // namespace sealedge
