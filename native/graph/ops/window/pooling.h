// The pools beside those of ops.h, and what undoes them.
#pragma once

#include "graph/ops.h"

namespace sealedge {

// MaxPool with output Indices; column_major: storage_order = 1.
OpPtr make_max_pool(WindowAttributes window, bool ceil_mode, bool column_major);
OpPtr make_lp_pool(WindowAttributes window, bool ceil_mode, float p);
OpPtr make_global_lp_pool(float p);
// Inputs X, I (indices into the smallest tensor that the pool can have come from), output_shape optional.
OpPtr make_max_unpool(WindowAttributes window);

}  // namespace sealedge
