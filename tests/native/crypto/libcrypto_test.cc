#include "crypto/libcrypto.h"

#include <gtest/gtest.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <thread>
#include <vector>

#include "../memory/limit_memlock.h"
#include "../support/emulation.h"
#include "crypto/algorithms.h"
#include "memory/secret_region.h"

namespace sealedge {
namespace {

bool in_secret_memory(const void* data) {
  const auto at = reinterpret_cast<uintptr_t>(data);
  for (const SecretRegionInfo& region : secret_memory_report().regions) {
    if (at >= region.begin && at < region.begin + region.size_bytes) return true;
  }
  return false;
}

TEST(Libcrypto, AllocatesInSecretMemory) {
  ASSERT_TRUE(crypto_init().ok());
  void* block = OPENSSL_malloc(100);
  EXPECT_TRUE(in_secret_memory(block));
  block = OPENSSL_realloc(block, 100000);
  EXPECT_TRUE(in_secret_memory(block));
  OPENSSL_free(block);
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  EXPECT_TRUE(in_secret_memory(context));
  EVP_CIPHER_CTX_free(context);
}

TEST(Libcrypto, IsPrivateAndVersioned) { EXPECT_EQ(std::string(libcrypto_version()).substr(0, 10), "OpenSSL 3."); }

TEST(Libcrypto, InitialisesOnceForManyThreads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) threads.emplace_back([] { EXPECT_TRUE(algorithms().ok()); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(*algorithms(), *algorithms());
}

// Under a limit that cannot hold libcrypto, initialising says so before libcrypto is touched.
int fails_before_it_starts() {
  if (!testing::limit_memlock(64 * 1024)) return 1;
  const Result<void> outcome = crypto_init();
  if (outcome.ok()) return 2;
  if (outcome.error().code != ErrorCode::kMemoryExhausted) return 3;
  return outcome.error().message.find("raise RLIMIT_MEMLOCK") == std::string::npos ? 4 : 0;
}

TEST(LibcryptoDeathTest, NeedsMoreThan64KiBAndSaysSo) {
  SEALEDGE_SKIP_IF_EMULATED(testing::kNoNewProcess);
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  if (getuid() != 0) GTEST_SKIP() << "needs root to drop CAP_IPC_LOCK";
  EXPECT_EXIT(_exit(fails_before_it_starts()), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace sealedge
