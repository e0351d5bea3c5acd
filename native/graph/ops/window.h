// Window attributes and an input's dimensions to the geometry that kernels take.
#pragma once

#include <span>

#include "core/result.h"
#include "graph/ops.h"
#include "kernels/conv/window_geometry.h"

namespace sealedge {

// x_dims are (N, C, spatial...) with 1 to 3 spatial dimensions, kernel their window. Refuses attributes that do not
// fit, a window larger than the padded input, and (kOpUnsupported) other ranks and negative pads. Every result fits 31
// bits.
Result<WindowGeometry> resolve_window(const WindowAttributes& attributes, std::span<const int64_t> x_dims,
                                      std::span<const int64_t> kernel, bool ceil_mode);

// The same for a transposed convolution (ConvTranspose-11): the window of the convolution that would lead back, so that
// `in` is the size of the output and `out` that of x. `output_shape`, if not empty, has one value per spatial
// dimension.
Result<WindowGeometry> resolve_transposed_window(const WindowAttributes& attributes,
                                                 const std::vector<int64_t>& output_padding,
                                                 const std::vector<int64_t>& output_shape,
                                                 std::span<const int64_t> x_dims, std::span<const int64_t> kernel);

// For convolutions, with W as (O, I, spatial...): the window that W slides over X. Refuses a W of another rank than X,
// and one that kernel_shape contradicts.
Result<std::span<const int64_t>> filter_window(const WindowAttributes& attributes, const Dims& x, const Dims& w);
// One filter per channel, of at most max_taps.
bool is_depthwise(const Dims& w, int64_t group, int64_t max_taps);
// Kernels of convolutions copy X with its padding (kernels/conv/conv.cc), and pads and strides come from the model:
// they can make that copy far larger than input and output together, so its size is bounded like that of any tensor.
Result<void> check_padded_size(const WindowGeometry& window, int64_t channels);

// The spatial dimensions of the output, as many as x has.
Dims output_spatial(const WindowGeometry& window, size_t spatial_rank);

}  // namespace sealedge
