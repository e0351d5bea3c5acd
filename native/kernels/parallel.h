// Calls body(index, thread_slot) for every index < count, on the context's threads if there is anything to share.
#pragma once

#include "kernels/kernel_context.h"

namespace sealedge {

template <typename Body>
inline void parallel_for(const ParallelFor& parallel, size_t count, const Body& body) {
  if (parallel.run == nullptr || parallel.threads <= 1 || count <= 1) {
    for (size_t i = 0; i < count; i++) body(i, 0u);
    return;
  }
  const auto task = [](void* argument, size_t index, unsigned slot) {
    (*static_cast<const Body*>(argument))(index, slot);
  };
  parallel.run(parallel.pool, count, task, const_cast<Body*>(&body));
}

// The part of [0, size) that is number `index` of `count` nearly equal parts.
struct Part {
  size_t begin, end;
};
inline Part part_of(size_t size, size_t index, size_t count) {
  const size_t base = size / count, rest = size % count;
  const size_t begin = index * base + (index < rest ? index : rest);
  return {begin, begin + base + (index < rest ? 1 : 0)};
}

// How many parts to cut `size` units of work into, each of at least `minimum`.
inline size_t parts_for(const ParallelFor& parallel, size_t size, size_t minimum) {
  if (parallel.run == nullptr || size < 2 * minimum) return 1;
  const size_t most = size / minimum;
  return most < parallel.threads ? most : parallel.threads;
}

}  // namespace sealedge
