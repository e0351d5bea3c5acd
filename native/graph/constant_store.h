// Where the constants of a model live: secret memory for a sealed model, ordinary memory for a plain one. Everything
// that ever holds a weight, or a value computed from one, is allocated here.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "core/result.h"
#include "memory/secure_buffer.h"

namespace sealedge {

class ConstantStore : public std::enable_shared_from_this<ConstantStore> {
 public:
  enum class Kind : uint8_t { kOrdinary, kSecret };
  // Beyond max_bytes in all, allocate() fails with kLimitExceeded.
  explicit ConstantStore(Kind kind, size_t max_bytes = SIZE_MAX);
  ConstantStore(const ConstantStore&) = delete;
  ConstantStore& operator=(const ConstantStore&) = delete;

  // Zeroed, 64-byte aligned, readable and writable up to the next multiple of 64 bytes; lives as long as the store.
  // Never null, also for size 0. Safe to call from several threads.
  Result<uint8_t*> allocate(size_t size_bytes);

  // The same for what may be needed for less long: wiped and given back when the last owner lets go of it, who may
  // outlive the store. At least a page of secret memory.
  struct Loan {
    std::shared_ptr<const void> owner;
    uint8_t* data = nullptr;
  };
  Result<Loan> lend(size_t size_bytes);

  // For what lies in the store to keep it; null when it is nobody's to share.
  std::shared_ptr<const void> shared() { return weak_from_this().lock(); }

  Kind kind() const { return kind_; }
  size_t allocated_bytes() const;

 private:
  struct FreeBytes {
    void operator()(uint8_t* data) const;
  };
  struct Chunk {
    std::unique_ptr<uint8_t[], FreeBytes> ordinary;
    SecureBuffer secret;
    uint8_t* data = nullptr;
    size_t size_bytes = 0;
    size_t used_bytes = 0;
  };
  Result<size_t> take_room(size_t size_bytes) const;
  Result<Chunk> new_chunk(size_t size_bytes) const;

  const Kind kind_;
  const size_t max_bytes_;
  mutable std::mutex mutex_;
  std::vector<Chunk> chunks_;
  size_t current_ = SIZE_MAX;  // the chunk that small constants are put into
  size_t next_chunk_bytes_;
  std::shared_ptr<std::atomic<size_t>> allocated_bytes_ = std::make_shared<std::atomic<size_t>>(0);
};

}  // namespace sealedge
