#include "memory/secret_region.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <string>

#include "../support/emulation.h"
#include "limit_memlock.h"
#include "memory/secure_buffer.h"

namespace sealedge {
namespace {

using testing::limit_memlock;

size_t page() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }

// The VmFlags line of the mapping that holds address.
std::set<std::string> mapping_flags(const void* address) {
  std::ifstream smaps("/proc/self/smaps");
  bool inside = false;
  for (std::string line; std::getline(smaps, line);) {
    unsigned long begin = 0;
    unsigned long end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2) {
      inside = begin <= reinterpret_cast<uintptr_t>(address) && reinterpret_cast<uintptr_t>(address) < end;
    } else if (inside && line.starts_with("VmFlags:")) {
      std::set<std::string> flags;
      for (size_t at = 8; at + 2 < line.size(); at += 3) flags.insert(line.substr(at + 1, 2));
      return flags;
    }
  }
  return {};
}

TEST(SecretRegion, HasALevelHere) {
  EXPECT_NE(secret_memory_level(), MemoryLevel::kRefused) << secret_memory_report().reason;
  if (secret_memory_level() == MemoryLevel::kSecretmem) {
    EXPECT_EQ(secret_memory_report().reason, "");
  }
}

TEST(SecretRegion, IsZeroedListedAndGoesAgain) {
  const size_t before = secret_memory_report().mapped_bytes;
  Result<uint8_t*> mapped = secret_map(3 * page() - 5, "test");
  ASSERT_TRUE(mapped.ok()) << mapped.error().message;
  EXPECT_TRUE(std::all_of(*mapped, *mapped + 3 * page(), [](uint8_t byte) { return byte == 0; }));
  (*mapped)[0] = 1;
  (*mapped)[3 * page() - 1] = 2;
  const SecretMemoryReport report = secret_memory_report();
  EXPECT_EQ(report.mapped_bytes, before + 3 * page());
  EXPECT_TRUE(std::any_of(report.regions.begin(), report.regions.end(), [&](const SecretRegionInfo& region) {
    return region.begin == reinterpret_cast<uintptr_t>(*mapped) && std::string(region.purpose) == "test";
  }));
  secret_unmap(*mapped, 3 * page() - 5);
  EXPECT_EQ(secret_memory_report().mapped_bytes, before);
}

TEST(SecretRegion, FlagsKeepItFromDumpsForksAndSwap) {
  SEALEDGE_SKIP_IF_EMULATED(testing::kNoAdvice);
  Result<uint8_t*> mapped = secret_map(page(), "test");
  ASSERT_TRUE(mapped.ok());
  const std::set<std::string> flags = mapping_flags(*mapped);
  EXPECT_TRUE(flags.contains("lo")) << "locked";
  EXPECT_TRUE(flags.contains("dd")) << "not dumped";
  EXPECT_TRUE(flags.contains("dc")) << "not copied on fork";
  if (secret_memory_level() == MemoryLevel::kLocked) {
    EXPECT_TRUE(flags.contains("wf")) << "wiped on fork";
  }
  EXPECT_EQ(prctl(PR_GET_DUMPABLE), 0);
  secret_unmap(*mapped, page());
}

TEST(SecretRegion, IsNotInAForkedChild) {
  SEALEDGE_SKIP_IF_EMULATED(testing::kNoAdvice);
  Result<uint8_t*> mapped = secret_map(page(), "test");
  ASSERT_TRUE(mapped.ok());
  const pid_t child = fork();
  if (child == 0) {
    volatile uint8_t* byte = *mapped;
    _exit(*byte);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  // The byte is zero, so reading it would end the child well. It dies by SIGSEGV, or of a sanitizer's report of it.
  EXPECT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  secret_unmap(*mapped, page());
}

TEST(SecretRegion, LeavesNoDescriptorOpen) {
  const auto descriptors = [] {
    int count = 0;
    for (int fd = 0; fd < 1024; ++fd) count += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    return count;
  };
  const int before = descriptors();
  Result<uint8_t*> mapped = secret_map(page(), "test");
  ASSERT_TRUE(mapped.ok());
  EXPECT_EQ(descriptors(), before);
  secret_unmap(*mapped, page());
}

TEST(SecretRegion, AtSecretmemRootCannotReadIt) {
  if (secret_memory_level() != MemoryLevel::kSecretmem) GTEST_SKIP() << "level is not secretmem";
  Result<uint8_t*> mapped = secret_map(page(), "test");
  ASSERT_TRUE(mapped.ok());
  **mapped = 0x5a;
  uint8_t stolen = 0;
  const iovec local{&stolen, 1};
  const iovec remote{*mapped, 1};
  EXPECT_EQ(process_vm_readv(getpid(), &local, 1, &remote, 1, 0), -1);
  const int memory = open("/proc/self/mem", O_RDONLY);
  ASSERT_GE(memory, 0);
  EXPECT_LT(pread(memory, &stolen, 1, static_cast<off_t>(reinterpret_cast<uintptr_t>(*mapped))), 1);
  close(memory);
  EXPECT_EQ(stolen, 0);
  secret_unmap(*mapped, page());
}

TEST(SecretRegionDeathTest, GuardPagesFault) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        volatile uint8_t* bytes = *secret_map(page(), "test");
        bytes[page()] = 1;
      },
      "");
  EXPECT_DEATH(
      {
        volatile uint8_t* bytes = *secret_map(page(), "test");
        static_cast<void>(*(bytes - 1));
      },
      "");
}

// RLIMIT_MEMLOCK without CAP_IPC_LOCK, in processes of their own (a death test re-executes the program, so that level
// and heap are made under the limit). Exit status 0 is success, another number is the step that went wrong.
int keys_fit_and_weights_do_not() {
  if (!limit_memlock(64 * 1024)) return 1;
  Result<SecureBuffer> key = SecureBuffer::allocate(32, "key");
  if (!key.ok()) return 2;
  Result<SecureBuffer> weights = SecureBuffer::allocate(1024 * 1024, "weights");
  if (weights.ok()) return 3;
  const Error& error = weights.error();
  if (error.code != ErrorCode::kMemoryExhausted) return 4;
  if (error.message.find("secret memory for weights: needed 1052672 bytes, available ") != 0) return 5;
  if (error.message.find(" of 65536; raise RLIMIT_MEMLOCK") == std::string::npos) return 6;
  if (secret_memory_report().limit_bytes != 64 * 1024) return 7;
  if (secret_memory_report().mapped_bytes > 64 * 1024) return 8;
  return SecureBuffer::allocate(32, "another key").ok() ? 0 : 9;
}

int usable_to_the_end() {
  if (!limit_memlock(8 * 1024 * 1024)) return 1;
  if (!secret_reserve(256 * 1024, "test").ok()) return 2;
  Result<SecureBuffer> most = SecureBuffer::allocate(7 * 1024 * 1024, "weights");
  if (!most.ok()) return 3;
  if (SecureBuffer::allocate(1024 * 1024, "more weights").ok()) return 4;
  most->reset();
  return SecureBuffer::allocate(7 * 1024 * 1024, "weights again").ok() ? 0 : 5;
}

int refused_with_a_reason() {
  if (!limit_memlock(0)) return 1;
  const Result<SecureBuffer> key = SecureBuffer::allocate(16, "key");
  if (key.ok()) return 2;
  if (key.error().code != ErrorCode::kMemoryRefused) return 3;
  if (key.error().message.find("raise RLIMIT_MEMLOCK") == std::string::npos) return 4;
  return secret_memory_level() == MemoryLevel::kRefused ? 0 : 5;
}

class MemlockLimitDeathTest : public ::testing::Test {
 protected:
  void SetUp() override {
    SEALEDGE_SKIP_IF_EMULATED(testing::kNoNewProcess);
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    if (getuid() != 0) GTEST_SKIP() << "needs root to drop CAP_IPC_LOCK and to set limits";
  }
};

TEST_F(MemlockLimitDeathTest, Of64KiBHoldsKeysAndNamesWhatIsMissing) {
  EXPECT_EXIT(_exit(keys_fit_and_weights_do_not()), ::testing::ExitedWithCode(0), "");
}
TEST_F(MemlockLimitDeathTest, Of8MiBIsUsableToTheEnd) {
  EXPECT_EXIT(_exit(usable_to_the_end()), ::testing::ExitedWithCode(0), "");
}
TEST_F(MemlockLimitDeathTest, OfNothingIsRefused) {
  EXPECT_EXIT(_exit(refused_with_a_reason()), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace sealedge
