#include "core/thread_pool.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>
#include <vector>

#include "core/long_slices.h"

namespace sealedge {
namespace {

std::unique_ptr<ThreadPool> make(unsigned threads, const ThreadHooks* hooks = nullptr) {
  Result<std::unique_ptr<ThreadPool>> pool = ThreadPool::create(threads, hooks);
  EXPECT_TRUE(pool.ok());
  return std::move(*pool);
}

TEST(ThreadPool, DefaultSizeFollowsAffinity) {
  std::thread([] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<size_t>(sched_getcpu()), &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
    EXPECT_EQ(default_thread_count(), 1u);
  }).join();
  EXPECT_GE(default_thread_count(), 1u);
}

// So that an event loop that wakes on the same processor goes first.
TEST(ThreadPool, ThreadsHaveLongerTurnsThanOthers) {
  const uint64_t ours = slice_nanoseconds();
  if (ours == 0) GTEST_SKIP() << "this kernel has no slices of a length to choose (Linux 6.12)";
  const std::unique_ptr<ThreadPool> pool = make(1);
  std::atomic<uint64_t> theirs{0};
  std::atomic<bool> done{false};
  pool->run_on_pool([&] { theirs = slice_nanoseconds(); }, [&] { done = true; });
  while (!done) std::this_thread::yield();
  EXPECT_GT(theirs, 2 * ours);
  EXPECT_EQ(slice_nanoseconds(), ours);
}

TEST(ThreadPool, CallsEveryIndexOnce) {
  for (unsigned threads : {0u, 1u, 4u}) {
    const std::unique_ptr<ThreadPool> pool = make(threads);
    for (size_t count : {0, 1, 2, 7, 1000}) {
      for (unsigned max_threads : {0u, 1u, 2u, 100u}) {
        std::vector<std::atomic<int>> calls(count);
        pool->parallel_for(count, max_threads, [&](size_t i, unsigned slot) {
          EXPECT_LT(slot, pool->slot_count());
          ++calls[i];
        });
        for (const std::atomic<int>& n : calls) EXPECT_EQ(n, 1);
      }
    }
  }
}

// Also from several outside threads at once, and from jobs: the slot is what scratch memory is indexed by.
TEST(ThreadPool, NoTwoCallsShareASlotAtATime) {
  const std::unique_ptr<ThreadPool> pool = make(3);
  std::vector<std::atomic<bool>> busy(pool->slot_count());
  std::atomic<int> collisions{0};
  const auto loop = [&] {
    for (int round = 0; round < 200; ++round) {
      pool->parallel_for(16, 4, [&](size_t, unsigned slot) {
        if (busy[slot].exchange(true)) ++collisions;
        std::this_thread::yield();
        busy[slot] = false;
      });
    }
  };
  std::atomic<int> done{0};
  for (int i = 0; i < 4; ++i) pool->run_on_pool(loop, [&] { ++done; });
  std::vector<std::thread> outside;
  for (int i = 0; i < 3; ++i) outside.emplace_back(loop);
  for (std::thread& thread : outside) thread.join();
  while (done < 4) std::this_thread::yield();
  EXPECT_EQ(collisions, 0);
}

TEST(ThreadPool, NestedLoopsRunInline) {
  const std::unique_ptr<ThreadPool> pool = make(2);
  std::atomic<int> total{0};
  pool->parallel_for(8, 3, [&](size_t, unsigned slot) {
    pool->parallel_for(8, 3, [&](size_t, unsigned inner) {
      EXPECT_EQ(inner, slot);
      ++total;
    });
  });
  EXPECT_EQ(total, 64);
}

// Each call waits for as many others as there should be, so the number is reached however slowly threads wake.
TEST(ThreadPool, RunsOnAsManyThreadsAsAllowed) {
  const std::unique_ptr<ThreadPool> pool = make(4);
  for (int round = 0; round < 20; ++round) {
    for (const unsigned allowed : {1U, 2U, 3U, 5U, 9U}) {
      const unsigned expected = std::min(allowed, 5U);  // the caller is one
      std::atomic<unsigned> inside{0};
      std::atomic<unsigned> most{0};
      const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
      pool->parallel_for(20, allowed, [&](size_t, unsigned) {
        const unsigned now = ++inside;
        for (unsigned seen = most; seen < now && !most.compare_exchange_weak(seen, now);) continue;
        while (most < expected && std::chrono::steady_clock::now() < end) std::this_thread::yield();
        --inside;
      });
      EXPECT_EQ(most, expected) << allowed;
    }
  }
}

// Helpers that look for the next loop must take it once, and must not keep jobs waiting.
TEST(ThreadPool, LoopsThatFollowEachOtherWithJobsBetween) {
  const std::unique_ptr<ThreadPool> pool = make(3);
  std::atomic<int> jobs{0};
  std::atomic<size_t> calls{0};
  size_t expected = 0;
  const ThreadPool::LoopsAhead ahead(pool.get());
  for (int round = 0; round < 2000; ++round) {
    const size_t count = static_cast<size_t>(round) % 9;
    expected += count;
    pool->parallel_for(count, 4, [&](size_t, unsigned) { ++calls; });
    EXPECT_EQ(calls, expected);
    if (round % 100 == 0) pool->run_on_pool([&] { ++jobs; }, nullptr);
  }
  // However long loops stay announced.
  while (jobs < 20) std::this_thread::yield();
  pool->parallel_for(9, 4, [&](size_t, unsigned) { ++calls; });
  EXPECT_EQ(calls, expected + 9);
}

// A helper goes to sleep while its caller still works, and is woken for the loop after; a caller that outwaits its
// patience is woken by the last helper.
TEST(ThreadPool, SleepersAreWoken) {
  const std::unique_ptr<ThreadPool> pool = make(3);
  const ThreadPool::LoopsAhead ahead(pool.get());
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> calls{0};
    const auto caller = std::this_thread::get_id();
    pool->parallel_for(4, 4, [&](size_t, unsigned) {
      if ((std::this_thread::get_id() == caller) == (round % 2 == 0)) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      ++calls;
    });
    EXPECT_EQ(calls, 4);
  }
}

TEST(ThreadPool, DestructionFinishesWhatWasQueued) {
  std::atomic<int> worked{0};
  std::atomic<int> done{0};
  std::unique_ptr<ThreadPool> pool = make(2);
  for (int i = 0; i < 100; ++i) pool->run_on_pool([&] { ++worked; }, [&] { ++done; });
  pool.reset();
  EXPECT_EQ(worked, 100);
  EXPECT_EQ(done, 100);
}

TEST(ThreadPool, ThreadsHaveSignalsBlocked) {
  const std::unique_ptr<ThreadPool> pool = make(1);
  std::atomic<int> blocked{-1};
  pool->run_on_pool(
      [&] {
        sigset_t mask;
        pthread_sigmask(SIG_SETMASK, nullptr, &mask);
        blocked = sigismember(&mask, SIGINT) + sigismember(&mask, SIGUSR1);
      },
      nullptr);
  while (blocked < 0) std::this_thread::yield();
  EXPECT_EQ(blocked, 2);
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  EXPECT_EQ(sigismember(&mask, SIGUSR1), 0);
}

TEST(ThreadPool, HooksSurroundAllWork) {
  static std::atomic<int> created, entered, destroyed;
  created = entered = destroyed = 0;  // --gtest_repeat
  static constexpr ThreadHooks hooks{[]() -> Result<void*> {
                                       ++created;
                                       return static_cast<void*>(new int(0));
                                     },
                                     [](void* state, void (*work)(void*), void* argument) {
                                       ++entered;
                                       ++*static_cast<int*>(state);
                                       work(argument);
                                     },
                                     [](void* state) {
                                       ++destroyed;
                                       delete static_cast<int*>(state);
                                     }};
  std::unique_ptr<ThreadPool> pool = make(3, &hooks);
  EXPECT_EQ(created, 3);
  for (int i = 0; i < 10; ++i) pool->run_on_pool([] {}, nullptr);
  pool.reset();
  EXPECT_EQ(entered, 10);
  EXPECT_EQ(destroyed, 3);
}

TEST(ThreadPool, HooksThatFailFailTheCreation) {
  static std::atomic<int> live{0};
  static constexpr ThreadHooks hooks{[]() -> Result<void*> {
                                       if (live == 2) return Error{ErrorCode::kMemoryExhausted, "no stack"};
                                       ++live;
                                       return static_cast<void*>(nullptr);
                                     },
                                     [](void*, void (*work)(void*), void* argument) { work(argument); },
                                     [](void*) { --live; }};
  const Result<std::unique_ptr<ThreadPool>> pool = ThreadPool::create(4, &hooks);
  ASSERT_FALSE(pool.ok());
  EXPECT_EQ(pool.error().code, ErrorCode::kMemoryExhausted);
  EXPECT_EQ(live, 0);
}

}  // namespace
}  // namespace sealedge
