#include "memory/secure_buffer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "../support/emulation.h"
#include "memory/secret_heap.h"
#include "memory/secret_region.h"

namespace sealedge {
namespace {

SecureBuffer make(size_t size_bytes) {
  Result<SecureBuffer> made = SecureBuffer::allocate(size_bytes, "test");
  EXPECT_TRUE(made.ok());
  return std::move(*made);
}

TEST(SecureBuffer, IsZeroedAndAlignedAtEverySize) {
  for (size_t size : {1, 8, 31, 32, 63, 64, 65, 4000, 4032, 4095, 4096, 4097, 8192, 65536, 100001}) {
    SecureBuffer buffer = make(size);
    ASSERT_EQ(buffer.size_bytes(), size);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % 64, 0u) << size;
    EXPECT_TRUE(std::all_of(buffer.data(), buffer.data() + size, [](uint8_t byte) { return byte == 0; })) << size;
    std::memset(buffer.data(), 0xff, size);
  }
  EXPECT_FALSE(make(0));
}

TEST(SecureBuffer, MovesAndResets) {
  SecureBuffer a = make(10);
  uint8_t* data = a.data();
  SecureBuffer b = std::move(a);
  EXPECT_EQ(b.data(), data);
  EXPECT_EQ(a.data(), nullptr);  // NOLINT(bugprone-use-after-move): empty after a move is the contract
  b = make(20);
  EXPECT_EQ(b.size_bytes(), 20u);
  b.reset();
  b.reset();
  EXPECT_FALSE(b);
}

TEST(SecureBuffer, SmallOnesAreWipedWhenTheyGo) {
  SecureBuffer keeps_the_chunk = make(64);
  SecureBuffer secret = make(512);
  std::memset(secret.data(), 0x77, 512);
  const uint8_t* data = secret.data();
  secret.reset();
  // The chunk stays mapped; a free block holds two list pointers, and they may merge away.
  EXPECT_EQ(std::count(data, data + 512, 0x77), 0);
}

TEST(SecureBuffer, RefusesAbsurdSizes) {
  EXPECT_EQ(SecureBuffer::allocate(SIZE_MAX, "test").error().code, ErrorCode::kMemoryExhausted);
  EXPECT_EQ(SecureBuffer::allocate(SIZE_MAX / 2, "test").error().code, ErrorCode::kMemoryExhausted);
}

TEST(SecretHeap, SurvivesARandomWorkload) {
  std::mt19937 random(20240101);
  struct Live {
    void* data;
    size_t size;
    uint8_t fill;
  };
  std::vector<Live> live;
  const auto intact = [](const Live& item) {
    const auto* bytes = static_cast<const uint8_t*>(item.data);
    return std::all_of(bytes, bytes + item.size, [&](uint8_t byte) { return byte == item.fill; });
  };
  for (int step = 0; step < 20000; ++step) {
    const unsigned action = random() % 4;
    if (action < 2 || live.empty()) {
      const size_t size = random() % (random() % 16 == 0 ? 40000 : 300);
      void* data = secret_malloc(size);
      ASSERT_NE(data, nullptr);
      ASSERT_EQ(reinterpret_cast<uintptr_t>(data) % 16, 0u);
      live.push_back({data, size, static_cast<uint8_t>(random())});
      std::memset(data, live.back().fill, size);
    } else {
      const size_t pick = random() % live.size();
      ASSERT_TRUE(intact(live[pick]));
      if (action == 2) {
        secret_free(live[pick].data);
        live[pick] = live.back();
        live.pop_back();
      } else {
        const size_t size = random() % 500;
        live[pick].data = secret_realloc(live[pick].data, size);
        ASSERT_NE(live[pick].data, nullptr);
        live[pick].size = std::min(size, live[pick].size);
        ASSERT_TRUE(intact(live[pick]));
      }
    }
    if (live.size() > 500) {
      for (int i = 0; i < 250; ++i) {
        secret_free(live.back().data);
        live.pop_back();
      }
    }
  }
  for (const Live& item : live) secret_free(item.data);
  secret_free(nullptr);
}

TEST(SecretHeap, FreedMemoryIsReused) {
  const size_t before = secret_memory_report().mapped_bytes;
  for (int i = 0; i < 10000; ++i) secret_free(secret_malloc(3000));
  EXPECT_LE(secret_memory_report().mapped_bytes, before + 256 * 1024);
}

class SecureBufferDeathTest : public ::testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

// volatile: the compiler must not see that the write is out of bounds.
uint8_t* hidden(uint8_t* pointer) {
  asm volatile("" : "+r"(pointer));
  return pointer;
}

TEST_F(SecureBufferDeathTest, OverrunOfALargeBufferFaultsAtOnce) {
  EXPECT_DEATH(
      {
        SecureBuffer buffer = make(8192);
        hidden(buffer.data())[8192] = 1;
        _exit(0);
      },
      "");
}

TEST_F(SecureBufferDeathTest, DamagedCanariesAbort) {
  const auto overrun = [](size_t size, ptrdiff_t at) {
    SecureBuffer buffer = make(size);
    hidden(buffer.data())[at] ^= 1;
    buffer.reset();
    _exit(0);
  };
  EXPECT_EXIT(overrun(100, 100), ::testing::KilledBySignal(SIGABRT), "");
  EXPECT_EXIT(overrun(100, 107), ::testing::KilledBySignal(SIGABRT), "");
  EXPECT_EXIT(overrun(8190, 8190), ::testing::KilledBySignal(SIGABRT), "");
  EXPECT_EXIT(overrun(8192, -1), ::testing::KilledBySignal(SIGABRT), "");
  EXPECT_EXIT(overrun(8192, -64), ::testing::KilledBySignal(SIGABRT), "");
}

// Handlers run in reverse order: this one, registered before the first secret, looks after the memory room has wiped.
const uint8_t* small_at_exit = nullptr;
const uint8_t* large_at_exit = nullptr;

void look_at_exit() {
  const auto wiped = [](const uint8_t* data, size_t size_bytes) {
    return std::all_of(data, data + size_bytes, [](uint8_t byte) { return byte == 0; });
  };
  _exit(wiped(small_at_exit, 100) && wiped(large_at_exit, 10000) ? 42 : 1);
}

[[noreturn]] void exit_with_secrets() {
  std::atexit(look_at_exit);
  // Never destroyed, as a secret that someone forgot.
  SecureBuffer& small = *new SecureBuffer(make(100));
  SecureBuffer& large = *new SecureBuffer(make(10000));
  std::memset(small.data(), 0x55, 100);
  std::memset(large.data(), 0x55, 10000);
  small_at_exit = small.data();
  large_at_exit = large.data();
  std::exit(0);
}

TEST_F(SecureBufferDeathTest, ExitWipesWhatStillLives) {
  SEALEDGE_SKIP_IF_EMULATED(testing::kNoNewProcess);
  EXPECT_EXIT(exit_with_secrets(), ::testing::ExitedWithCode(42), "");
}

TEST_F(SecureBufferDeathTest, DoubleFreeAborts) {
  EXPECT_EXIT(
      {
        void* data = secret_malloc(100);
        secret_free(data);
        secret_free(data);
        _exit(0);
      },
      ::testing::KilledBySignal(SIGABRT), "");
}

}  // namespace
}  // namespace sealedge
