// DepthToSpace and SpaceToDepth.
#pragma once

#include "graph/ops.h"

namespace sealedge {

// channel_first: mode CRD, in which the block's position runs fastest among the channels; otherwise DCR.
OpPtr make_depth_to_space(int64_t block, bool channel_first);
OpPtr make_space_to_depth(int64_t block, bool channel_first);

}  // namespace sealedge
