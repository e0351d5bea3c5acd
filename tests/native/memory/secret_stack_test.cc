#include "memory/secret_stack.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "memory/registers.h"
#include "memory/secret_region.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STACKS_DISABLED 1
#endif
#endif

namespace sealedge {
namespace {

#if !defined(STACKS_DISABLED)

bool on_registered_stack(const void* address) {
  const auto at = reinterpret_cast<uintptr_t>(address);
  for (const SecretRegionInfo& region : secret_memory_report().regions) {
    if (at >= region.begin && at < region.begin + region.size_bytes) return std::string(region.purpose) == "stack";
  }
  return false;
}

TEST(SecretStack, RunsThereWithSignalsBlockedAndComesBack) {
  bool there = false;
  bool blocked = false;
  EXPECT_FALSE(on_secret_stack());
  ASSERT_TRUE(run_on_secret_stack([&] {
                int local = 0;
                there = on_registered_stack(&local) && on_secret_stack();
                sigset_t mask;
                pthread_sigmask(SIG_SETMASK, nullptr, &mask);
                blocked = sigismember(&mask, SIGUSR1) == 1 && sigismember(&mask, SIGINT) == 1;
              }).ok());
  EXPECT_TRUE(there);
  EXPECT_TRUE(blocked);
  EXPECT_FALSE(on_secret_stack());
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  EXPECT_EQ(sigismember(&mask, SIGUSR1), 0);
}

__attribute__((noinline)) uint8_t* leave_a_secret(size_t size_bytes) {
  auto* bytes = static_cast<uint8_t*>(__builtin_alloca(size_bytes));
  std::memset(bytes, 0x99, size_bytes);
  asm volatile("" : : "r"(bytes) : "memory");
  return bytes;
}

TEST(SecretStack, IsWipedAfterwardsHoweverDeepItWent) {
  for (size_t depth : {100, 5000, 100000}) {
    volatile uint8_t* left = nullptr;
    uint8_t during = 0;
    ASSERT_TRUE(run_on_secret_stack([&] {
                  left = leave_a_secret(depth);
                  during = left[depth - 1];
                }).ok());
    EXPECT_EQ(during, 0x99);
    for (size_t i = 0; i < depth; ++i) ASSERT_EQ(left[i], 0) << depth;  // the stack is kept, so this may be read
  }
}

TEST(SecretStack, NestedCallsStayOnIt) {
  int depth = 0;
  ASSERT_TRUE(run_on_secret_stack([&] {
                ++depth;
                EXPECT_TRUE(run_on_secret_stack([&] { ++depth; }).ok());
                EXPECT_TRUE(on_secret_stack());
              }).ok());
  EXPECT_EQ(depth, 2);
}

TEST(SecretStack, PoolThreadsWorkOnTheirOwn) {
  Result<std::unique_ptr<ThreadPool>> pool = ThreadPool::create(3, &secret_thread_hooks());
  ASSERT_TRUE(pool.ok()) << pool.error().message;
  ThreadPool& running = **pool;  // reset() empties the pointer before it waits
  std::atomic<int> outside{0};
  std::atomic<int> finished{0};
  for (int i = 0; i < 50; ++i) {
    running.run_on_pool(
        [&] {
          int local = 0;
          if (!on_registered_stack(&local)) ++outside;
          running.parallel_for(64, 4, [&](size_t, unsigned) {
            int inner = 0;
            if (!on_registered_stack(&inner)) ++outside;
          });
        },
        [&] {
          EXPECT_FALSE(on_secret_stack()) << "done() runs after the stack was wiped";
          ++finished;
        });
  }
  pool->reset();
  EXPECT_EQ(outside, 0);
  EXPECT_EQ(finished, 50);
}

TEST(SecretStackDeathTest, OverflowFaults) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(static_cast<void>(run_on_secret_stack([] { leave_a_secret(kSecretStackBytes + 4096); })), "");
}

#endif

TEST(SecretStack, ServesManyThreadsAtOnce) {
  std::vector<std::thread> threads;
  std::atomic<int> sum{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 200; ++round) EXPECT_TRUE(run_on_secret_stack([&] { ++sum; }).ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sum, 1600);
}

#if defined(__x86_64__)
// What a run had in its registers does not come back with it. xmm15: nothing on the way back uses it.
TEST(SecretStack, LeavesNoVectorRegisterBehind) {
  alignas(16) uint8_t pattern[16];
  alignas(16) uint8_t after[16];
  std::memset(pattern, 0xcd, sizeof(pattern));
  ASSERT_TRUE(run_on_secret_stack([&] { asm volatile("movdqa %0, %%xmm15" : : "m"(pattern) : "xmm15"); }).ok());
  asm volatile("movdqa %%xmm15, %0" : "=m"(after));
  EXPECT_NE(std::memcmp(after, pattern, sizeof(after)), 0);
}

TEST(ClearVectorRegisters, LeavesNothingInThem) {
  alignas(64) uint8_t pattern[64];
  alignas(64) uint8_t low[64];
  alignas(64) uint8_t high[64] = {};
  std::memset(pattern, 0xab, sizeof(pattern));
  std::memset(low, 0xff, sizeof(low));
  if (__builtin_cpu_supports("avx512f")) {
    asm volatile("vmovdqu64 %0, %%zmm3\n\tvmovdqu64 %0, %%zmm29" : : "m"(pattern) : "xmm3", "xmm29");
    clear_vector_registers();
    asm volatile("vmovdqu64 %%zmm3, %0\n\tvmovdqu64 %%zmm29, %1" : "=m"(low), "=m"(high));
  } else if (__builtin_cpu_supports("avx")) {
    std::memset(low, 0, sizeof(low));
    asm volatile("vmovdqu %0, %%ymm3" : : "m"(pattern) : "xmm3");
    clear_vector_registers();
    asm volatile("vmovdqu %%ymm3, %0" : "=m"(low));
  } else {
    GTEST_SKIP() << "no AVX here";
  }
  for (size_t i = 0; i < 64; ++i) {
    EXPECT_EQ(low[i], 0);
    EXPECT_EQ(high[i], 0);
  }
}
#endif

}  // namespace
}  // namespace sealedge
