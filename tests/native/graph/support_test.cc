#include "graph/ops/support.h"

#include <gtest/gtest.h>

#include <barrier>
#include <mutex>
#include <set>

#include "core/thread_pool.h"
#include "kernels/parallel.h"

namespace sealedge {
namespace {

TEST(KernelContext, SharesLoopsAmongTheThreadsAllowed) {
  auto pool = ThreadPool::create(3);
  ASSERT_TRUE(pool.ok());
  for (const unsigned max_threads : {0u, 1u, 2u, 3u, 7u}) {
    RunArgs args;
    args.pool = pool->get();
    args.max_threads = max_threads;
    const ParallelFor parallel = kernel_context(args).parallel;
    const unsigned expected = max_threads == 0 || max_threads > 3 ? 3 : max_threads;
    EXPECT_EQ(parallel.threads, expected);

    // Nobody goes on before all have come: so many threads there are, each with a slot of its own.
    std::barrier all_here(static_cast<std::ptrdiff_t>(expected));
    std::mutex mutex;
    std::set<unsigned> slots;
    const auto note = [&](unsigned slot) {
      const std::lock_guard lock(mutex);
      EXPECT_LT(slot, (*pool)->slot_count());
      slots.insert(slot);
    };
    parallel_for(parallel, expected, [&](size_t, unsigned slot) {
      note(slot);
      all_here.arrive_and_wait();
    });
    EXPECT_EQ(slots.size(), expected);
    slots.clear();
    parallel_for(parallel, 1000, [&](size_t, unsigned slot) { note(slot); });
    EXPECT_LE(slots.size(), expected) << "also when there are more parts than threads";
  }
  EXPECT_EQ(kernel_context(RunArgs{}).parallel.threads, 1u);
}

TEST(PartsFor, AreWorthAThread) {
  ParallelFor parallel;
  EXPECT_EQ(parts_for(parallel, 1 << 20, 1 << 20), 1u) << "nobody to share with";
  parallel.threads = 4;
  parallel.run = [](void*, unsigned, size_t, ParallelFor::Task, void*) {};
  const size_t worth = parallel.minimum_part_work;
  EXPECT_EQ(parts_for(parallel, 0, 1), 1u);
  EXPECT_EQ(parts_for(parallel, 10, 0), 1u) << "no work at all";
  EXPECT_EQ(parts_for(parallel, 2 * worth - 1, 1), 1u);
  EXPECT_EQ(parts_for(parallel, 2 * worth, 1), 2u);
  EXPECT_EQ(parts_for(parallel, 3 * worth, 1), 3u);
  EXPECT_EQ(parts_for(parallel, 100 * worth, 1), 4u);
  EXPECT_EQ(parts_for(parallel, 3, worth * 2), 3u) << "no more parts than units";
  EXPECT_EQ(parts_for(parallel, 15, worth, 8), 1u) << "units that belong together";
  EXPECT_EQ(parts_for(parallel, SIZE_MAX, SIZE_MAX), 4u);
}

}  // namespace
}  // namespace sealedge
