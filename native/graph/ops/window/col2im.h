// Col2Im and DeformConv.
#pragma once

#include "graph/ops.h"

namespace sealedge {

// Inputs X (N, C * block, L), image_shape, block_shape.
OpPtr make_col2im(WindowAttributes window);
// Inputs X, W, offset, B optional, mask optional; two spatial dimensions.
OpPtr make_deform_conv(WindowAttributes window, int64_t group, int64_t offset_group);

}  // namespace sealedge
