// Inside the memory room: the heap for what is smaller than a page (keys, contexts, libcrypto's objects).
//
// A chunk is one secret mapping, filled by blocks:   | header | payload ... end canary, slack | header | payload ...
// Free blocks of one chunk never touch each other (they merge), and wait in bins by size. Not fast and not meant to be.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "core/result.h"

namespace sealedge {

class SecretHeap {
 public:
  // kBuffer blocks hold secrets of ours and are wiped at exit; kLibrary blocks are libcrypto's, which other threads may
  // still walk at exit (its secrets go when their contexts are freed).
  enum class Use : uint8_t { kLibrary, kBuffer };

  static SecretHeap& instance();

  // 64-byte aligned for kBuffer, 32 for kLibrary. Contents undefined (wiped leftovers: zeros and list pointers).
  Result<uint8_t*> allocate(size_t size_bytes, Use use, const char* purpose);
  void free(void* payload);  // wipes; aborts on a damaged canary; nullptr is fine
  size_t requested_bytes(const void* payload);
  Result<void> reserve(size_t size_bytes, const char* purpose);
  void wipe_buffers();

 private:
  struct Block;
  static constexpr size_t kBins = 40;
  static constexpr size_t kMaxChunks = 1024;
  struct Chunk {
    uint8_t* base;
    size_t size_bytes;
  };

  Block* take(size_t block_bytes, bool align64);
  Block* find(size_t block_bytes);
  Result<void> grow(size_t block_bytes, const char* purpose);
  void insert(Block* block);
  void remove(Block* block);
  void check(const Block* block) const;

  std::mutex mutex_;
  std::array<Block*, kBins> bins_{};
  std::array<Chunk, kMaxChunks> chunks_{};
  size_t chunk_count_ = 0;
};

}  // namespace sealedge
