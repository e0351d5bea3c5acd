#include "memory/self_scan.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <numeric>

#include "../support/emulation.h"
#include "memory/probe_set.h"
#include "memory/secure_buffer.h"

namespace sealedge {
namespace {

// Sixteen bytes that are in no file and no instruction: made at run time, different in every call.
std::unique_ptr<uint8_t[]> unlikely() {
  auto bytes = std::make_unique<uint8_t[]>(ProbeSet::kProbeBytes);
  EXPECT_EQ(::getentropy(bytes.get(), ProbeSet::kProbeBytes), 0);
  return bytes;
}

ProbeSet set_of(size_t capacity) {
  auto set = ProbeSet::create(capacity);
  EXPECT_TRUE(set.ok());
  return std::move(*set);
}

TEST(ProbeSet, FindsEveryProbeAtEveryOffset) {
  ProbeSet set = set_of(300);
  std::vector<uint8_t> data(64 * 1024);
  ASSERT_EQ(::getentropy(data.data(), 256), 0);
  for (size_t i = 256; i < data.size(); ++i) data[i] = static_cast<uint8_t>(data[i - 256] * 31 + i);
  std::vector<size_t> places;
  for (size_t i = 0; i < 300; ++i) {
    const size_t at = (i * 211) % (data.size() - 16);
    if (set.add(data.data() + at)) places.push_back(at);
  }
  std::vector<bool> found(places.size());
  set.search(data.data(), data.size(),
             [&](size_t probe, size_t offset) { found[probe] = found[probe] || offset == places[probe]; });
  EXPECT_EQ(std::count(found.begin(), found.end(), true), static_cast<ptrdiff_t>(places.size()));
}

TEST(ProbeSet, FindsNothingAcrossTheEnd) {
  ProbeSet set = set_of(1);
  const auto bytes = unlikely();
  ASSERT_TRUE(set.add(bytes.get()));
  size_t hits = 0;
  set.search(bytes.get(), ProbeSet::kProbeBytes - 1, [&](size_t, size_t) { ++hits; });
  EXPECT_EQ(hits, 0U);
  set.search(bytes.get(), ProbeSet::kProbeBytes, [&](size_t, size_t) { ++hits; });
  EXPECT_EQ(hits, 1U);
}

// Weights of 8 bits often begin with zeros, and so does most memory.
TEST(ProbeSet, IsNotSlowedDownByProbesThatBeginLikeEmptyMemory) {
  ProbeSet set = set_of(200);
  auto zeros_first = std::make_unique<uint8_t[]>(ProbeSet::kProbeBytes);
  for (int i = 0; i < 100; ++i) {
    const auto bytes = unlikely();
    // Begins with four zeros, or is zeros but for what makes it one of ours.
    std::memcpy(zeros_first.get() + 4, bytes.get(), 12);
    set.add(zeros_first.get());
    std::memset(zeros_first.get() + 4, 0xff, 4);
    set.add(zeros_first.get());
  }
  ASSERT_GT(set.size(), 150U);
  std::vector<uint8_t> memory(1 << 20);
  std::memset(memory.data() + memory.size() / 2, 0xff, memory.size() / 2);
  const size_t at = 12'345;
  std::memcpy(memory.data() + at, zeros_first.get(), ProbeSet::kProbeBytes);
  size_t hits = 0;
  const size_t compared = set.search(memory.data(), memory.size(), [&](size_t probe, size_t offset) {
    EXPECT_EQ(probe, set.size() - 1);
    EXPECT_EQ(offset, at);
    ++hits;
  });
  EXPECT_EQ(hits, 1U);
  EXPECT_LT(compared, 300U) << "of a million offsets";
}

TEST(ProbeSet, RefusesWhatOtherDataHoldsToo) {
  ProbeSet set = set_of(8);
  const float ones[4] = {1, 1, 1, 1};
  const int64_t shape[2] = {1, 2048};
  EXPECT_FALSE(set.add(reinterpret_cast<const uint8_t*>(ones)));
  EXPECT_FALSE(set.add(reinterpret_cast<const uint8_t*>(shape)));
  for (size_t i = 0; i < 8; ++i) EXPECT_TRUE(set.add(unlikely().get()));
  EXPECT_FALSE(set.add(unlikely().get())) << "full";
}

// The shadow of a sanitizer is terabytes of readable memory.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SEALEDGE_SKIP_UNDER_SANITIZERS() GTEST_SKIP() << "a sanitizer's shadow is too large to scan"
#endif
#endif
#ifndef SEALEDGE_SKIP_UNDER_SANITIZERS
#define SEALEDGE_SKIP_UNDER_SANITIZERS() static_cast<void>(0)
#endif

TEST(SelfScan, FindsASecretInTheHeapAndInAMapping) {
  SEALEDGE_SKIP_UNDER_SANITIZERS();
  SEALEDGE_SKIP_IF_EMULATED(testing::kNoProcessRead);
  ProbeSet set = set_of(3);
  const auto in_heap = unlikely();
  ASSERT_TRUE(set.add(in_heap.get()));
  const auto elsewhere = unlikely();
  ASSERT_TRUE(set.add(elsewhere.get()));
  auto* page = static_cast<uint8_t*>(::mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(page, MAP_FAILED);
  std::memcpy(page + 4096 - 8, elsewhere.get(), ProbeSet::kProbeBytes);  // across two pages
  std::memset(elsewhere.get(), 0, ProbeSet::kProbeBytes);                // each probe is listed where it is first seen
  const auto report = scan_own_memory(&set);
  ::munmap(page, 8192);
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_TRUE(report->control_found);
  EXPECT_GT(report->bytes_read, 0U);
  const auto has = [&](size_t probe, const void* address) {
    return std::any_of(report->hits.begin(), report->hits.end(), [&](const SelfScanHit& hit) {
      return hit.probe == probe && hit.address == reinterpret_cast<uintptr_t>(address);
    });
  };
  EXPECT_TRUE(has(0, in_heap.get()));
  EXPECT_TRUE(has(1, page + 4096 - 8));
}

TEST(SelfScan, DoesNotCountSecretMemory) {
  SEALEDGE_SKIP_UNDER_SANITIZERS();
  SEALEDGE_SKIP_IF_EMULATED(testing::kNoProcessRead);
  ProbeSet set = set_of(2);
  auto secret = SecureBuffer::allocate(2 * 4096, "test");
  ASSERT_TRUE(secret.ok());
  ASSERT_EQ(::getentropy(secret->data() + 100, ProbeSet::kProbeBytes), 0);
  ASSERT_TRUE(set.add(secret->data() + 100));
  const auto report = scan_own_memory(&set);
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_TRUE(report->control_found);
  EXPECT_EQ(report->hit_count, 0U);
}

TEST(SelfScan, NeedsAPlaceForItsControl) {
  ProbeSet set = set_of(1);
  ASSERT_TRUE(set.add(unlikely().get()));
  const auto report = scan_own_memory(&set);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, ErrorCode::kOptionInvalid);
}

}  // namespace
}  // namespace sealedge
