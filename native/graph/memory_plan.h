// Where activations lie in the arena of one run: offsets fixed when planning, reused as soon as nobody reads a value
// any more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/result.h"
#include "graph/graph.h"

namespace sealedge {

struct Location {
  enum class Kind : uint8_t { kNone, kArena, kInput, kConstant };
  Kind kind = Kind::kNone;
  size_t offset_bytes = 0;        // kArena
  size_t input = 0;               // kInput: index of the graph input
  const uint8_t* data = nullptr;  // kConstant; null when it exists only as a packed weight
};

struct MemoryPlan {
  std::vector<Location> values;         // by ValueId
  std::vector<bool> is_view;            // by node: no step is run, output 0 is where input 0 is
  std::vector<size_t> scratch_offsets;  // by node, into the arena
  size_t arena_bytes = 0;
};

// scratch_bytes: per node, 0 for views. n log n in nodes. Fails with kLimitExceeded when the arena would be larger than
// allowed.
Result<MemoryPlan> plan_memory(const Graph& graph, const std::vector<size_t>& scratch_bytes, size_t max_arena_bytes);

// Whether the node runs no step.
bool node_is_view(const Graph& graph, const Node& node);

}  // namespace sealedge
