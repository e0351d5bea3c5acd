// ConvTranspose.
#pragma once

#include <vector>

#include "graph/ops.h"

namespace sealedge {

// Inputs X (N, C, spatial...), W (C, M / group, spatial...), B (M) optional; one to three spatial dimensions. An
// output_shape that is not empty (spatial dimensions, or all of Y) overrules pads.
OpPtr make_conv_transpose(WindowAttributes window, std::vector<int64_t> output_padding,
                          std::vector<int64_t> output_shape, int64_t group);

}  // namespace sealedge
