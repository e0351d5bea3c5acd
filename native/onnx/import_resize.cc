#include "onnx/import_resize.h"

#include "graph/ops/window/resize.h"

namespace sealedge {

namespace {

template <typename T>
struct Named {
  std::string_view name;
  T value;
};

// Sets *out to the value of that name; an absent attribute leaves it as it is.
template <typename T, size_t kSize>
void read_choice(NodeImport& node, std::string_view attribute, const Named<T> (&choices)[kSize], T* out) {
  const std::string_view name = node.get_string(attribute, "");
  if (name.empty()) return;
  for (const Named<T>& choice : choices) {
    if (choice.name == name) {
      *out = choice.value;
      return;
    }
  }
  node.invalid("unknown value of attribute '" + std::string(attribute) + "'");
}

constexpr Named<ResizeMode> kModes[] = {
    {"nearest", ResizeMode::kNearest},
    {"linear", ResizeMode::kLinear},
    {"bilinear", ResizeMode::kLinear},  // Upsample-1
    {"cubic", ResizeMode::kCubic},
};
constexpr Named<ResizeCoordinates> kCoordinates[] = {
    {"half_pixel", ResizeCoordinates::kHalfPixel},
    {"half_pixel_symmetric", ResizeCoordinates::kHalfPixelSymmetric},
    {"pytorch_half_pixel", ResizeCoordinates::kPytorchHalfPixel},
    {"align_corners", ResizeCoordinates::kAlignCorners},
    {"asymmetric", ResizeCoordinates::kAsymmetric},
    {"tf_half_pixel_for_nn", ResizeCoordinates::kTfHalfPixelForNn},
    {"tf_crop_and_resize", ResizeCoordinates::kTfCropAndResize},
};
constexpr Named<ResizeNearest> kNearest[] = {
    {"round_prefer_floor", ResizeNearest::kRoundPreferFloor},
    {"round_prefer_ceil", ResizeNearest::kRoundPreferCeil},
    {"floor", ResizeNearest::kFloor},
    {"ceil", ResizeNearest::kCeil},
};
constexpr Named<ResizePolicy> kPolicies[] = {
    {"stretch", ResizePolicy::kStretch},
    {"not_larger", ResizePolicy::kNotLarger},
    {"not_smaller", ResizePolicy::kNotSmaller},
};

}  // namespace

void import_resize(NodeImport& node) {
  ResizeAttributes attributes;
  read_choice(node, "mode", kModes, &attributes.mode);
  if (node.opset() < 11) {
    // Version 10 does not say; its engines place pixels as Upsample does.
    attributes.coordinates = ResizeCoordinates::kAsymmetric;
    attributes.nearest = ResizeNearest::kSimple;
    return node.emit(make_resize(std::move(attributes)), {node.input(0), kNoValue, node.input(1), kNoValue});
  }
  read_choice(node, "coordinate_transformation_mode", kCoordinates, &attributes.coordinates);
  read_choice(node, "nearest_mode", kNearest, &attributes.nearest);
  attributes.cubic_coeff_a = node.get_float("cubic_coeff_a", -0.75f);
  attributes.extrapolation_value = node.get_float("extrapolation_value", 0.0f);
  attributes.exclude_outside = node.get_int("exclude_outside", 0) != 0;
  if (node.opset() >= 18) {
    read_choice(node, "keep_aspect_ratio_policy", kPolicies, &attributes.policy);
    attributes.antialias = node.get_int("antialias", 0) != 0;
    attributes.axes = node.get_ints("axes");
  }
  node.emit(make_resize(std::move(attributes)), {node.input(0), node.input(1), node.input(2), node.input(3)});
}

void import_upsample(NodeImport& node) {
  ResizeAttributes attributes;
  read_choice(node, "mode", kModes, &attributes.mode);
  attributes.coordinates = ResizeCoordinates::kAsymmetric;
  attributes.nearest = ResizeNearest::kFloor;
  ValueId scales = kNoValue;
  if (node.opset() >= 9) {
    if (!node.has_input(1)) return node.invalid("input 1 is missing");
    scales = node.input(1);
  } else if (node.opset() >= 7) {
    attributes.scales = node.get_floats("scales");
    if (attributes.scales.empty()) return node.invalid("attribute 'scales' is missing");
  } else {
    attributes.scales = {1.0f, 1.0f, node.get_float("height_scale", 1.0f), node.get_float("width_scale", 1.0f)};
  }
  node.emit(make_resize(std::move(attributes)), {node.input(0), kNoValue, scales, kNoValue});
}

}  // namespace sealedge
