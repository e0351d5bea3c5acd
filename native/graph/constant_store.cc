#include "graph/constant_store.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "core/checked.h"

namespace sealedge {

namespace {

constexpr size_t kAlignment = 64;
// A small model should cost one page of secret memory, a large one few mappings: chunks double from the first to the
// last.
constexpr size_t kFirstChunkBytes = 4 * 1024;
constexpr size_t kLargestChunkBytes = 256 * 1024;

}  // namespace

ConstantStore::ConstantStore(Kind kind, size_t max_bytes)
    : kind_(kind), max_bytes_(max_bytes), next_chunk_bytes_(kFirstChunkBytes) {}

void ConstantStore::FreeBytes::operator()(uint8_t* data) const { std::free(data); }

Result<ConstantStore::Chunk> ConstantStore::new_chunk(size_t size_bytes) const {
  Chunk chunk;
  chunk.size_bytes = size_bytes;
  if (kind_ == Kind::kSecret) {
    SEALEDGE_ASSIGN(chunk.secret, SecureBuffer::allocate(size_bytes, "model constants"));
    chunk.data = chunk.secret.data();
    return chunk;
  }
  chunk.ordinary.reset(static_cast<uint8_t*>(std::aligned_alloc(kAlignment, size_bytes)));
  if (!chunk.ordinary) {
    return Error{ErrorCode::kOutOfMemory, "model constants: no memory for " + std::to_string(size_bytes) + " bytes"};
  }
  std::memset(chunk.ordinary.get(), 0, size_bytes);
  chunk.data = chunk.ordinary.get();
  return chunk;
}

// The size rounded up, if there is room for it.
Result<size_t> ConstantStore::take_room(size_t size_bytes) const {
  size_t rounded;
  if (!checked_add(size_bytes, kAlignment - 1, &rounded)) {
    return Error{ErrorCode::kLimitExceeded, "model constants: size overflows"};
  }
  rounded = std::max(rounded & ~(kAlignment - 1), kAlignment);
  const size_t allocated = *allocated_bytes_;
  if (rounded > max_bytes_ || allocated > max_bytes_ - rounded) {
    return Error{ErrorCode::kLimitExceeded, "model constants: expected at most " + std::to_string(max_bytes_) +
                                                " bytes, got " + std::to_string(allocated) + " and " +
                                                std::to_string(rounded) + " more"};
  }
  return rounded;
}

Result<ConstantStore::Loan> ConstantStore::lend(size_t size_bytes) {
  struct Lent {
    Lent(Chunk given, std::shared_ptr<std::atomic<size_t>> counter)
        : chunk(std::move(given)), allocated_bytes(std::move(counter)) {}
    Lent(const Lent&) = delete;
    Lent& operator=(const Lent&) = delete;
    ~Lent() { *allocated_bytes -= chunk.size_bytes; }
    Chunk chunk;
    std::shared_ptr<std::atomic<size_t>> allocated_bytes;
  };
  const std::lock_guard<std::mutex> lock(mutex_);
  SEALEDGE_ASSIGN(const size_t rounded, take_room(size_bytes));
  SEALEDGE_ASSIGN(Chunk chunk, new_chunk(rounded));
  auto lent = std::make_shared<Lent>(std::move(chunk), allocated_bytes_);
  *allocated_bytes_ += rounded;
  uint8_t* data = lent->chunk.data;
  return Loan{std::move(lent), data};
}

Result<uint8_t*> ConstantStore::allocate(size_t size_bytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  SEALEDGE_ASSIGN(const size_t rounded, take_room(size_bytes));
  if (rounded > kLargestChunkBytes / 2) {
    SEALEDGE_ASSIGN(Chunk chunk, new_chunk(rounded));
    *allocated_bytes_ += rounded;
    chunks_.push_back(std::move(chunk));
    return chunks_.back().data;
  }
  if (current_ == SIZE_MAX || chunks_[current_].size_bytes - chunks_[current_].used_bytes < rounded) {
    SEALEDGE_ASSIGN(Chunk chunk, new_chunk(std::max(rounded, next_chunk_bytes_)));
    next_chunk_bytes_ = std::min(2 * next_chunk_bytes_, kLargestChunkBytes);
    chunks_.push_back(std::move(chunk));
    current_ = chunks_.size() - 1;
  }
  Chunk& chunk = chunks_[current_];
  uint8_t* data = chunk.data + chunk.used_bytes;
  chunk.used_bytes += rounded;
  *allocated_bytes_ += rounded;
  return data;
}

size_t ConstantStore::allocated_bytes() const { return *allocated_bytes_; }

}  // namespace sealedge
