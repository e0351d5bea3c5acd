// Operators that read an image at positions given by another tensor.
#pragma once

#include "graph/ops.h"

namespace sealedge {

enum class SampleMode : uint8_t { kNearest, kLinear, kCubic };
enum class SamplePadding : uint8_t { kZeros, kBorder, kReflection };
// Inputs X (N, C, spatial...), grid (N, out..., spatial rank), one to three spatial dimensions.
OpPtr make_grid_sample(SampleMode mode, SamplePadding padding, bool align_corners);

// Inputs theta (N, 2, 3) or (N, 3, 4), size: the output is a grid of its pixels.
OpPtr make_affine_grid(bool align_corners);

struct RoiAttributes {
  int64_t height = 1, width = 1;  // of one region's output
  float spatial_scale = 1.0f;
  int64_t sampling_ratio = 0;  // RoiAlign: samples per bin and dimension; 0: as many as the bin has pixels
  bool maximum = false;        // RoiAlign: of the samples; otherwise their average
  bool half_pixel = true;      // RoiAlign: coordinates shifted by half a pixel; otherwise regions of at least one pixel
};
// Inputs X (N, C, H, W), rois (R, 4), batch_indices (R).
OpPtr make_roi_align(RoiAttributes attributes);
// Inputs X (N, C, H, W), rois (R, 5), whose first column is the batch index.
OpPtr make_max_roi_pool(RoiAttributes attributes);

}  // namespace sealedge
