#include "graph/ops/window/resize_table.h"

#include <algorithm>
#include <cmath>

namespace sealedge {

namespace {

constexpr int64_t kMaxTableEntries = int64_t{1} << 26;

// x_original of the standard, in float: a coordinate that falls on the border between two pixels only because of
// rounding must fall to the side where other engines have it.
float original(const ResizeAttributes& attributes, const ResizeAxis& axis, int64_t position) {
  const auto x = static_cast<float>(position), in = static_cast<float>(axis.in), scale = axis.scale;
  switch (attributes.coordinates) {
    case ResizeCoordinates::kHalfPixel:
      return (x + 0.5f) / scale - 0.5f;
    case ResizeCoordinates::kHalfPixelSymmetric: {
      const float adjustment = static_cast<float>(axis.out) / axis.length;
      return in / 2 * (1 - adjustment) + (x + 0.5f) / scale - 0.5f;
    }
    case ResizeCoordinates::kPytorchHalfPixel:
      return axis.out > 1 ? (x + 0.5f) / scale - 0.5f : 0.0f;
    case ResizeCoordinates::kAlignCorners:
      return axis.length == 1 ? 0.0f : x * (in - 1) / (axis.length - 1);
    case ResizeCoordinates::kAsymmetric:
      return x / scale;
    case ResizeCoordinates::kTfHalfPixelForNn:
      return (x + 0.5f) / scale;
    case ResizeCoordinates::kTfCropAndResize:
      return axis.out > 1 ? axis.roi_start * (in - 1) +
                                x * (axis.roi_end - axis.roi_start) * (in - 1) / (static_cast<float>(axis.out) - 1)
                          : 0.5f * (axis.roi_start + axis.roi_end) * (in - 1);
  }
  return x;
}

float nearest(ResizeNearest mode, float x, bool reduces) {
  switch (mode) {
    case ResizeNearest::kRoundPreferFloor:
      return std::ceil(x - 0.5f);
    case ResizeNearest::kRoundPreferCeil:
      return std::floor(x + 0.5f);
    case ResizeNearest::kCeil:
      return std::ceil(x);
    case ResizeNearest::kSimple:
      return reduces ? std::ceil(x) : std::floor(x);
    case ResizeNearest::kFloor:
      break;
  }
  return std::floor(x);
}

uint32_t clamped(double position, int64_t in) {
  if (!(position > 0)) return 0;  // NaN as well: a box may be anything
  return static_cast<uint32_t>(std::min(position, static_cast<double>(in - 1)));
}

// The filter's value at a distance, in pixels of the input (of the output, where antialiasing widens it).
double filter(const ResizeAttributes& attributes, double distance) {
  const double d = std::fabs(distance);
  if (attributes.mode == ResizeMode::kLinear) return std::max(1 - d, 0.0);
  const double a = attributes.cubic_coeff_a;
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0.0;
}

// The weights around x: of the pixels left and right of it, as many as the filter is wide.
void fill_taps(const ResizeAttributes& attributes, const ResizeAxis& axis, double narrowing, int64_t first, float x,
               size_t taps, uint32_t* source, float* weight) {
  const double left = std::floor(static_cast<double>(x));
  double sum = 0;
  std::vector<double> weights(taps);
  for (size_t k = 0; k < taps; k++) {
    const double position = left + static_cast<double>(first) + static_cast<double>(k);
    const bool outside = position < 0 || position >= static_cast<double>(axis.in);
    if (!(outside && attributes.exclude_outside)) {
      weights[k] = filter(attributes, (position - static_cast<double>(x)) * narrowing);
    }
    source[k] = clamped(position, axis.in);
    sum += weights[k];
  }
  // Without antialiasing and exclusion the weights add up to 1 by themselves.
  const bool normalize = (attributes.antialias || attributes.exclude_outside) && sum != 0;
  for (size_t k = 0; k < taps; k++) weight[k] = static_cast<float>(normalize ? weights[k] / sum : weights[k]);
}

bool is_identity(const ResizeTable& table, const ResizeAxis& axis) {
  if (axis.in != axis.out || !table.outside.empty()) return false;
  for (size_t i = 0; i < static_cast<size_t>(axis.out); i++) {
    for (size_t k = 0; k < table.taps; k++) {
      const size_t at = i * table.taps + k;
      if (table.weight.empty() ? table.source[at] != i : table.weight[at] != 0 && table.source[at] != i) return false;
    }
  }
  return true;
}

}  // namespace

Result<ResizeTable> make_resize_table(const ResizeAttributes& attributes, const ResizeAxis& axis) {
  const auto out = static_cast<size_t>(axis.out);
  ResizeTable table;
  const bool weighted = attributes.mode != ResizeMode::kNearest;
  const double reach = attributes.mode == ResizeMode::kCubic ? 2 : 1;  // of the filter, to either side
  const double narrowing = attributes.antialias ? std::min(1.0, static_cast<double>(axis.scale)) : 1.0;
  int64_t first = 0;
  if (weighted) {
    const double start = std::floor(-reach / narrowing) + 1;
    if (start < -static_cast<double>(kMaxTableEntries))
      return Error{ErrorCode::kLimitExceeded, "the filter is too wide"};
    first = static_cast<int64_t>(start);
    table.taps = static_cast<size_t>(2 - 2 * first);
  }
  if (axis.in > UINT32_MAX || axis.out > kMaxTableEntries / static_cast<int64_t>(table.taps)) {
    return Error{ErrorCode::kLimitExceeded, "a dimension is too large to resize"};
  }
  table.source.resize(out * table.taps);
  if (weighted) table.weight.resize(out * table.taps);
  for (size_t i = 0; i < out; i++) {
    const float x = original(attributes, axis, static_cast<int64_t>(i));
    if (weighted) {
      fill_taps(attributes, axis, narrowing, first, x, table.taps, &table.source[i * table.taps],
                &table.weight[i * table.taps]);
    } else {
      table.source[i] = clamped(static_cast<double>(nearest(attributes.nearest, x, axis.scale < 1)), axis.in);
    }
    const bool outside = !(x >= 0 && x <= static_cast<float>(axis.in - 1));
    if (outside && attributes.coordinates == ResizeCoordinates::kTfCropAndResize) {
      table.outside.resize(out);
      table.outside[i] = 1;
    }
  }
  table.identity = is_identity(table, axis);
  return table;
}

}  // namespace sealedge
