#include "graph/ops/window.h"

#include <algorithm>

#include "core/checked.h"
#include "graph/ops/support.h"

namespace sealedge {

namespace {

// Small enough that sums and products of two never overflow 64 bits.
constexpr int64_t kMaxExtent = (int64_t{1} << 31) - 1;

Result<std::vector<int64_t>> attribute_or(const std::vector<int64_t>& values, size_t size, int64_t fallback,
                                          int64_t minimum, const char* name) {
  if (values.empty()) return std::vector<int64_t>(size, fallback);
  if (values.size() != size) {
    return model_invalid(std::string(name) + ": expected " + std::to_string(size) + " values, got " +
                         std::to_string(values.size()));
  }
  for (int64_t value : values) {
    if (value < minimum || value > kMaxExtent) {
      return model_invalid(std::string(name) + ": " + std::to_string(value) + " is out of range");
    }
  }
  return values;
}

struct Axis {
  int64_t in, kernel, stride, dilation, pad_begin, pad_end;
  int64_t span() const { return (kernel - 1) * dilation + 1; }
};

// SAME: as many windows as strides fit; what is missing at the ends is padding, the odd one at the end (UPPER) or the
// beginning (LOWER).
int64_t same_padding(Axis* axis, bool upper) {
  const int64_t out = (axis->in + axis->stride - 1) / axis->stride;
  const int64_t missing = std::max<int64_t>((out - 1) * axis->stride + axis->span() - axis->in, 0);
  axis->pad_begin = upper ? missing / 2 : missing - missing / 2;
  axis->pad_end = missing - axis->pad_begin;
  return out;
}

Result<int64_t> output_size(Axis* axis, AutoPad auto_pad, bool ceil_mode) {
  if (auto_pad == AutoPad::kSameUpper || auto_pad == AutoPad::kSameLower) {
    return same_padding(axis, auto_pad == AutoPad::kSameUpper);
  }
  if (auto_pad == AutoPad::kValid) axis->pad_begin = axis->pad_end = 0;
  const int64_t room = axis->in + axis->pad_begin + axis->pad_end - axis->span();
  if (room < 0) {
    return shape_mismatch("window of " + std::to_string(axis->span()) + " is larger than the padded input of " +
                          std::to_string(room + axis->span()));
  }
  int64_t out = (room + (ceil_mode ? axis->stride - 1 : 0)) / axis->stride + 1;
  // A window that ceil_mode adds must still begin inside the input or its leading padding (ONNX MaxPool-12).
  if (ceil_mode && (out - 1) * axis->stride >= axis->in + axis->pad_begin) out--;
  return out;
}

// One per spatial dimension of X. Every size, span and padding fits 31 bits.
Result<std::vector<Axis>> resolve_axes(const WindowAttributes& attributes, std::span<const int64_t> x_dims,
                                       std::span<const int64_t> kernel) {
  if (x_dims.size() < 3) return shape_mismatch("expected at least 3 dimensions, got " + std::to_string(x_dims.size()));
  const size_t rank = x_dims.size() - 2;
  if (rank > 3) return op_unsupported(std::to_string(rank) + " spatial dimensions");
  if (kernel.size() != rank) {
    return shape_mismatch("kernel has " + std::to_string(kernel.size()) + " dimensions, the input " +
                          std::to_string(rank) + " spatial ones");
  }
  if (std::ranges::any_of(attributes.pads, [](int64_t pad) { return pad < 0; })) {
    return model_invalid("pads: expected values from 0, got " + dims_to_string(attributes.pads));
  }
  SEALEDGE_ASSIGN(const auto strides, attribute_or(attributes.strides, rank, 1, 1, "strides"));
  SEALEDGE_ASSIGN(const auto dilations, attribute_or(attributes.dilations, rank, 1, 1, "dilations"));
  SEALEDGE_ASSIGN(const auto pads, attribute_or(attributes.pads, 2 * rank, 0, 0, "pads"));
  std::vector<Axis> axes;
  for (size_t i = 0; i < rank; i++) {
    if (x_dims[2 + i] > kMaxExtent) return op_unsupported("a spatial dimension of more than 31 bits");
    if (kernel[i] < 1 || kernel[i] > kMaxExtent) return model_invalid("kernel size " + std::to_string(kernel[i]));
    const Axis axis = {x_dims[2 + i], kernel[i], strides[i], dilations[i], pads[i], pads[rank + i]};
    if (axis.span() > kMaxExtent) return model_invalid("window is too large");
    axes.push_back(axis);
  }
  return axes;
}

// Spatial dimension d of a window of a size `in` to one of a size `out`.
void set_axis(const Axis& axis, size_t d, int64_t in, int64_t out, WindowGeometry* window) {
  window->in[d] = static_cast<size_t>(in);
  window->out[d] = static_cast<size_t>(out);
  window->kernel[d] = static_cast<size_t>(axis.kernel);
  window->stride[d] = static_cast<size_t>(axis.stride);
  window->dilation[d] = static_cast<size_t>(axis.dilation);
  window->pad_begin[d] = static_cast<size_t>(axis.pad_begin);
  window->pad_end[d] = static_cast<size_t>(axis.pad_end);
}

}  // namespace

Result<WindowGeometry> resolve_window(const WindowAttributes& attributes, std::span<const int64_t> x_dims,
                                      std::span<const int64_t> kernel, bool ceil_mode) {
  SEALEDGE_ASSIGN(std::vector<Axis> axes, resolve_axes(attributes, x_dims, kernel));
  WindowGeometry window;
  window.batch = static_cast<size_t>(x_dims[0]);
  for (size_t i = 0; i < axes.size(); i++) {
    SEALEDGE_ASSIGN(const int64_t out, output_size(&axes[i], attributes.auto_pad, ceil_mode));
    set_axis(axes[i], 3 - axes.size() + i, axes[i].in, out, &window);
  }
  return window;
}

namespace {

// The size of the output along one axis. When it is given, or follows from SAME, the padding follows from it:
// total = stride * (in - 1) + output_padding + span - out, the odd one at the end (UPPER) or the beginning (all else).
Result<int64_t> transposed_size(Axis* axis, AutoPad auto_pad, int64_t output_padding, int64_t wanted) {
  const int64_t whole = axis->stride * (axis->in - 1) + output_padding + axis->span();
  const bool same = auto_pad == AutoPad::kSameUpper || auto_pad == AutoPad::kSameLower;
  if (wanted < 0 && same) wanted = axis->in * axis->stride;
  if (wanted >= 0) {
    const int64_t total = std::max<int64_t>(whole - wanted, 0);
    axis->pad_begin = auto_pad == AutoPad::kSameUpper ? total / 2 : total - total / 2;
    axis->pad_end = total - axis->pad_begin;
    return wanted;
  }
  if (auto_pad == AutoPad::kValid) axis->pad_begin = axis->pad_end = 0;
  const int64_t size = whole - axis->pad_begin - axis->pad_end;
  if (size < 0) return shape_mismatch("pads cut away more than the output of " + std::to_string(whole));
  return size;
}

}  // namespace

Result<WindowGeometry> resolve_transposed_window(const WindowAttributes& attributes,
                                                 const std::vector<int64_t>& output_padding,
                                                 const std::vector<int64_t>& output_shape,
                                                 std::span<const int64_t> x_dims, std::span<const int64_t> kernel) {
  SEALEDGE_ASSIGN(std::vector<Axis> axes, resolve_axes(attributes, x_dims, kernel));
  SEALEDGE_ASSIGN(const auto extra, attribute_or(output_padding, axes.size(), 0, 0, "output_padding"));
  SEALEDGE_ASSIGN(const auto wanted, attribute_or(output_shape, axes.size(), -1, 0, "output_shape"));
  WindowGeometry window;
  window.batch = static_cast<size_t>(x_dims[0]);
  for (size_t i = 0; i < axes.size(); i++) {
    int64_t size = 0;  // of nothing comes nothing
    if (axes[i].in > 0) {
      SEALEDGE_ASSIGN(size, transposed_size(&axes[i], attributes.auto_pad, extra[i], wanted[i]));
    }
    if (size > kMaxExtent) return op_unsupported("a spatial dimension of more than 31 bits");
    set_axis(axes[i], 3 - axes.size() + i, size, axes[i].in, &window);
  }
  return window;
}

Result<std::span<const int64_t>> filter_window(const WindowAttributes& attributes, const Dims& x, const Dims& w) {
  if (w.size() != x.size() || x.size() < 3) {
    return shape_mismatch("weight " + dims_to_string(w) + " does not fit input " + dims_to_string(x));
  }
  const std::span<const int64_t> kernel = std::span(w).subspan(2);
  if (!attributes.kernel_shape.empty() && !std::ranges::equal(attributes.kernel_shape, kernel)) {
    return shape_mismatch("kernel_shape differs from weight " + dims_to_string(w));
  }
  return kernel;
}

bool is_depthwise(const Dims& w, int64_t group, int64_t max_taps) {
  if (w.size() < 3 || group < 2 || w[0] != group || w[1] != 1) return false;
  int64_t taps = 1;
  for (size_t i = 2; i < w.size(); i++) {
    if (w[i] < 1 || w[i] > max_taps / taps) return false;
    taps *= w[i];
  }
  return true;
}

Result<void> check_padded_size(const WindowGeometry& window, int64_t channels) {
  int64_t elements = channels;
  bool fits = checked_mul(elements, static_cast<int64_t>(window.batch), &elements);
  for (int d = 0; d < 3; d++) {
    const size_t reach = window.out[d] == 0
                             ? 0
                             : (window.out[d] - 1) * window.stride[d] + (window.kernel[d] - 1) * window.dilation[d] + 1;
    fits = fits && checked_mul(elements, static_cast<int64_t>(std::max(reach, window.in[d])), &elements);
  }
  if (!fits || elements > kMaxElements) return Error{ErrorCode::kLimitExceeded, "the padded input is too large"};
  return {};
}

Dims output_spatial(const WindowGeometry& window, size_t spatial_rank) {
  Dims dims;
  for (size_t d = 3 - spatial_rank; d < 3; d++) dims.push_back(static_cast<int64_t>(window.out[d]));
  return dims;
}

}  // namespace sealedge
