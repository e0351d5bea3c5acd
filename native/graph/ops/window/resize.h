// Resize and what became of Upsample.
#pragma once

#include <string>
#include <vector>

#include "graph/ops.h"

namespace sealedge {

enum class ResizeMode : uint8_t { kNearest, kLinear, kCubic };
enum class ResizeCoordinates : uint8_t {
  kHalfPixel,
  kHalfPixelSymmetric,
  kPytorchHalfPixel,
  kAlignCorners,
  kAsymmetric,
  kTfHalfPixelForNn,
  kTfCropAndResize,
};
enum class ResizeNearest : uint8_t {
  kRoundPreferFloor,
  kRoundPreferCeil,
  kFloor,
  kCeil,
  kSimple,  // Resize-10: floor where it enlarges, ceil where it reduces
};
enum class ResizePolicy : uint8_t { kStretch, kNotLarger, kNotSmaller };

struct ResizeAttributes {
  ResizeMode mode = ResizeMode::kNearest;
  ResizeCoordinates coordinates = ResizeCoordinates::kHalfPixel;
  ResizeNearest nearest = ResizeNearest::kRoundPreferFloor;
  ResizePolicy policy = ResizePolicy::kStretch;
  float cubic_coeff_a = -0.75f;
  float extrapolation_value = 0.0f;
  bool exclude_outside = false;
  bool antialias = false;
  std::vector<int64_t> axes = {};  // empty: all
  std::vector<float> scales = {};  // Upsample-7: instead of the input
};

// Inputs X, roi, scales, sizes; all but X optional, one of scales and sizes given.
OpPtr make_resize(ResizeAttributes attributes);

}  // namespace sealedge
