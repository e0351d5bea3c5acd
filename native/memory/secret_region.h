// The process's secret memory: where keys, weights in clear, libcrypto's heap and the stacks of pool threads live.
//
//   level        how                                        probed
//   kSecretmem   memfd_secret(2), fd closed after mmap      at first use; Linux >= 6.5 or secretmem.enable=1
//   kLocked      anonymous + mlock, DONTDUMP, WIPEONFORK    when the first is absent
//   kRefused     neither fits RLIMIT_MEMLOCK                every allocation fails, nothing falls back silently
//
// Each mapping:  | guard page (PROT_NONE) | payload pages | guard page |   DONTFORK always; pages come on first touch.
//
// The first mapping sets PR_SET_DUMPABLE=0: no core dumps, no ptrace by the same user. It stays so until exit: two
// addons of one process count their secrets apart, so neither can know that it holds the last one. Memory of
// SecureBuffers is wiped at exit; nothing wipes it when the process is killed (the kernel does, before reuse).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"

namespace sealedge {

enum class MemoryLevel { kSecretmem, kLocked, kRefused };
const char* memory_level_name(MemoryLevel level);  // "secretmem" | "locked" | "refused"

struct SecretRegionInfo {
  uintptr_t begin;  // first payload page, guard pages excluded
  size_t size_bytes;
  const char* purpose;
};

struct SecretMemoryReport {
  MemoryLevel level;
  std::string reason;   // why not a higher level; empty at kSecretmem
  size_t mapped_bytes;  // by this addon
  size_t limit_bytes;   // RLIMIT_MEMLOCK; SIZE_MAX when unlimited or CAP_IPC_LOCK
  std::vector<SecretRegionInfo> regions;
};

// SEALEDGE_MEMORY=secretmem|locked forces a level (tests run once per level); anything else is ignored.
MemoryLevel secret_memory_level();
SecretMemoryReport secret_memory_report();

// Whole pages with guards, for callers that manage their own layout (thread stacks, the heap). Zeroed; wiped by unmap.
// purpose: a string literal. Fails with kMemoryExhausted (needed, available, how to raise it) or kMemoryRefused.
Result<uint8_t*> secret_map(size_t size_bytes, const char* purpose);
void secret_unmap(uint8_t* payload, size_t size_bytes);

// Makes the secret heap hold at least this many free bytes in one piece, so that what follows does not fail half way.
Result<void> secret_reserve(size_t size_bytes, const char* purpose);

// malloc/realloc/free shape over the secret heap, for CRYPTO_set_mem_functions. nullptr when exhausted. free wipes, and
// aborts when a canary around the block is damaged.
void* secret_malloc(size_t size_bytes);
void* secret_realloc(void* data, size_t size_bytes);
void secret_free(void* data);

}  // namespace sealedge
