// Where the elements of a resized dimension come from: Resize-19's coordinate transformations and filters.
#pragma once

#include <cstdint>
#include <vector>

#include "core/result.h"
#include "graph/ops/window/resize.h"

namespace sealedge {

struct ResizeAxis {
  int64_t in = 1;
  int64_t out = 1;
  float scale = 1.0f;
  float length = 1.0f;  // scale * in: of the output, if it need not be whole
  float roi_start = 0.0f, roi_end = 1.0f;
};

struct ResizeTable {
  size_t taps = 1;
  std::vector<uint32_t> source;  // [out][taps], each < in
  std::vector<float> weight;     // [out][taps]; empty for kNearest
  std::vector<uint8_t> outside;  // [out] 1: the extrapolation value is meant; empty: nowhere
  bool identity = false;         // output i is input i
};

// Precondition: in, out >= 1. kLimitExceeded when the table would be too large.
Result<ResizeTable> make_resize_table(const ResizeAttributes& attributes, const ResizeAxis& axis);

}  // namespace sealedge
