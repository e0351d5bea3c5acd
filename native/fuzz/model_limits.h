// Tight bounds, so that the fuzzer spends its time on paths and not on arithmetic.
#pragma once

#include "graph/limits.h"

namespace sealedge::fuzz {

inline ModelLimits model_limits() {
  ModelLimits limits;
  limits.max_tensor_bytes = size_t{1} << 18;
  limits.max_constant_bytes = size_t{1} << 22;
  limits.max_arena_bytes = size_t{1} << 20;
  limits.max_nodes = 512;
  limits.max_graph_depth = 6;
  return limits;
}

}  // namespace sealedge::fuzz
