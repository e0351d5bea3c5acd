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
  parallel.run(parallel.pool, parallel.threads, count, task, const_cast<Body*>(&body));
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

// What one element costs beside a multiply-add of a product: it is read from and written to memory that is not in the
// nearest cache, or goes through a polynomial.
inline constexpr size_t kMoveWork = 8;
inline constexpr size_t kFunctionWork = 32;

// How many parts to cut `size` units into: no more than there are threads, each of at least `minimum_units` (>= 1) and
// of work worth waking a thread for. `unit_work` is that of one unit, in multiply-adds.
inline size_t parts_for(const ParallelFor& parallel, size_t size, size_t unit_work, size_t minimum_units = 1) {
  if (parallel.run == nullptr || parallel.threads <= 1) return 1;
  const size_t worthwhile = unit_work == 0 ? size : (parallel.minimum_part_work + unit_work - 1) / unit_work;
  const size_t least = worthwhile > minimum_units ? worthwhile : minimum_units;
  if (least == 0 || size / 2 < least) return 1;
  const size_t most = size / least;
  return most < parallel.threads ? most : parallel.threads;
}

}  // namespace sealedge
