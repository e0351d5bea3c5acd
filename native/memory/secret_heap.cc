#include "memory/secret_heap.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "memory/regions.h"
#include "memory/secret_region.h"
#include "memory/wipe.h"

namespace sealedge {
namespace {

constexpr size_t kGrain = 32;
constexpr size_t kChunkBytes = 64 * 1024;  // little is lost when only keys are held; libcrypto reserves its own
constexpr size_t kCanaryBytes = sizeof(uint64_t);

size_t round_up(size_t value, size_t grain) { return (value + grain - 1) / grain * grain; }

}  // namespace

struct SecretHeap::Block {
  uint32_t in_use;
  uint32_t use;
  size_t size_bytes;           // with this header; a multiple of kGrain
  size_t previous_size_bytes;  // of the block before it in the chunk, 0 for the first
  size_t requested_bytes;      // in use only
  // Free blocks keep their bin's list in the payload.
  struct Links {
    Block* next;
    Block* previous;
  };

  uint8_t* payload() { return reinterpret_cast<uint8_t*>(this) + sizeof(Block); }
  const uint8_t* payload() const { return reinterpret_cast<const uint8_t*>(this) + sizeof(Block); }
  size_t payload_bytes() const { return size_bytes - sizeof(Block); }
  Links* links() { return reinterpret_cast<Links*>(payload()); }
  Block* next_in_chunk() { return reinterpret_cast<Block*>(reinterpret_cast<uint8_t*>(this) + size_bytes); }
  Block* previous_in_chunk() {
    if (previous_size_bytes == 0) return nullptr;
    return reinterpret_cast<Block*>(reinterpret_cast<uint8_t*>(this) - previous_size_bytes);
  }
  static Block* of(const void* payload) {
    return reinterpret_cast<Block*>(static_cast<uint8_t*>(const_cast<void*>(payload)) - sizeof(Block));
  }
};

namespace {

constexpr size_t kMinBlockBytes = 64;

size_t bin_of(size_t block_bytes) {
  return std::min<size_t>(static_cast<size_t>(std::bit_width(block_bytes / kMinBlockBytes)), 39);
}

uint64_t end_canary(const void* payload) { return canary_pattern() ^ reinterpret_cast<uintptr_t>(payload); }

}  // namespace

SecretHeap& SecretHeap::instance() {
  static SecretHeap& heap = *new SecretHeap;  // never destroyed: libcrypto frees until the very end
  return heap;
}

void SecretHeap::insert(Block* block) {
  Block*& head = bins_[bin_of(block->size_bytes)];
  *block->links() = {head, nullptr};
  if (head != nullptr) head->links()->previous = block;
  head = block;
}

void SecretHeap::remove(Block* block) {
  const Block::Links links = *block->links();
  if (links.previous != nullptr) {
    links.previous->links()->next = links.next;
  } else {
    bins_[bin_of(block->size_bytes)] = links.next;
  }
  if (links.next != nullptr) links.next->links()->previous = links.previous;
  *block->links() = {nullptr, nullptr};
}

SecretHeap::Block* SecretHeap::find(size_t block_bytes) {
  for (size_t bin = bin_of(block_bytes); bin < kBins; ++bin) {
    for (Block* block = bins_[bin]; block != nullptr; block = block->links()->next) {
      if (block->size_bytes >= block_bytes) return block;
    }
  }
  return nullptr;
}

Result<void> SecretHeap::grow(size_t block_bytes, const char* purpose) {
  if (chunk_count_ == kMaxChunks) return Error{ErrorCode::kMemoryExhausted, "the secret heap has too many chunks"};
  // The last header of a chunk is a sentinel that is always in use.
  const size_t needed_bytes = round_up_to_page(block_bytes + sizeof(Block));
  size_t chunk_bytes = std::max(kChunkBytes, needed_bytes);
  Result<uint8_t*> mapped = secret_map(chunk_bytes, chunk_bytes > needed_bytes ? "heap" : purpose);
  if (!mapped.ok() && chunk_bytes > needed_bytes) {
    chunk_bytes = needed_bytes;  // close to the limit: only what this call needs
    mapped = secret_map(chunk_bytes, purpose);
  }
  if (!mapped.ok()) return std::move(mapped).error();

  chunks_[chunk_count_++] = {*mapped, chunk_bytes};
  auto* first = reinterpret_cast<Block*>(*mapped);
  *first = {0, 0, chunk_bytes - sizeof(Block), 0, 0};
  *first->next_in_chunk() = {1, 0, 0, first->size_bytes, 0};
  insert(first);
  return {};
}

// A free block of at least block_bytes, taken out of its bin and cut to size. nullptr when there is none.
SecretHeap::Block* SecretHeap::take(size_t block_bytes, bool align64) {
  // Blocks sit on multiples of 32, so a payload is 64-byte aligned or 32 off; a front piece must be a whole block.
  const size_t shift = align64 ? kMinBlockBytes + kGrain : 0;
  Block* block = find(block_bytes + shift);
  if (block == nullptr) return nullptr;
  remove(block);

  const auto cut = [](Block* from, size_t front_bytes) {
    auto* rest = reinterpret_cast<Block*>(reinterpret_cast<uint8_t*>(from) + front_bytes);
    *rest = {0, 0, from->size_bytes - front_bytes, front_bytes, 0};
    from->size_bytes = front_bytes;
    rest->next_in_chunk()->previous_size_bytes = rest->size_bytes;
    return rest;
  };
  if (align64 && reinterpret_cast<uintptr_t>(block->payload()) % 64 != 0) {
    Block* front = block;
    block = cut(front, kMinBlockBytes + kGrain);
    insert(front);
  }
  if (block->size_bytes - block_bytes >= kMinBlockBytes) insert(cut(block, block_bytes));
  return block;
}

Result<uint8_t*> SecretHeap::allocate(size_t size_bytes, Use use, const char* purpose) {
  if (size_bytes > kMaxRegionBytes) {
    return Error{ErrorCode::kMemoryExhausted, "secret memory for " + std::string(purpose) + ": the size is absurd"};
  }
  const size_t block_bytes = std::max(kMinBlockBytes, round_up(sizeof(Block) + size_bytes + kCanaryBytes, kGrain));
  const bool align64 = use == Use::kBuffer;
  std::lock_guard lock(mutex_);
  Block* block = take(block_bytes, align64);
  if (block == nullptr) {
    SEALEDGE_TRY(grow(block_bytes + kMinBlockBytes + kGrain, purpose));
    block = take(block_bytes, align64);
    if (block == nullptr) return Error{ErrorCode::kInternal, "the secret heap grew and has no room"};
  }
  block->in_use = 1;
  block->use = static_cast<uint32_t>(use);
  block->requested_bytes = size_bytes;
  const uint64_t canary = end_canary(block->payload());
  std::memcpy(block->payload() + size_bytes, &canary, sizeof(canary));
  return block->payload();
}

// Overruns damage the end canary; underruns and frees of strangers damage the sizes that tie neighbours together.
void SecretHeap::check(const Block* block) const {
  uint64_t canary = 0;
  auto* self = const_cast<Block*>(block);
  if (block->in_use != 1 || block->size_bytes < kMinBlockBytes ||
      block->requested_bytes > block->payload_bytes() - kCanaryBytes) {
    canary_damaged();
  }
  std::memcpy(&canary, block->payload() + block->requested_bytes, sizeof(canary));
  if (canary != end_canary(block->payload())) canary_damaged();
  if (self->next_in_chunk()->previous_size_bytes != block->size_bytes) canary_damaged();
}

void SecretHeap::free(void* payload) {
  if (payload == nullptr || secret_memory_is_exiting()) return;
  std::lock_guard lock(mutex_);
  Block* block = Block::of(payload);
  check(block);
  wipe(block->payload(), block->payload_bytes());
  block->in_use = 0;
  block->requested_bytes = 0;
  Block* next = block->next_in_chunk();
  if (next->in_use == 0) {
    remove(next);
    block->size_bytes += next->size_bytes;
    wipe(next, sizeof(Block));
  }
  Block* previous = block->previous_in_chunk();
  if (previous != nullptr && previous->in_use == 0) {
    remove(previous);
    previous->size_bytes += block->size_bytes;
    wipe(block, sizeof(Block));
    block = previous;
  }
  block->next_in_chunk()->previous_size_bytes = block->size_bytes;
  insert(block);
}

size_t SecretHeap::requested_bytes(const void* payload) {
  std::lock_guard lock(mutex_);
  const Block* block = Block::of(payload);
  check(block);
  return block->requested_bytes;
}

Result<void> SecretHeap::reserve(size_t size_bytes, const char* purpose) {
  std::lock_guard lock(mutex_);
  const size_t block_bytes = round_up(sizeof(Block) + size_bytes + kCanaryBytes, kGrain);
  if (find(block_bytes) != nullptr) return {};
  return grow(block_bytes, purpose);
}

void SecretHeap::wipe_buffers() {
  std::lock_guard lock(mutex_);
  for (size_t i = 0; i < chunk_count_; ++i) {
    auto* block = reinterpret_cast<Block*>(chunks_[i].base);
    for (; block->size_bytes != 0; block = block->next_in_chunk()) {
      if (block->in_use == 1 && block->use == static_cast<uint32_t>(Use::kBuffer)) {
        wipe(block->payload(), block->payload_bytes());
      }
    }
  }
}

Result<void> secret_reserve(size_t size_bytes, const char* purpose) {
  return SecretHeap::instance().reserve(size_bytes, purpose);
}

void* secret_malloc(size_t size_bytes) {
  Result<uint8_t*> payload = SecretHeap::instance().allocate(size_bytes, SecretHeap::Use::kLibrary, "heap");
  return payload.ok() ? *payload : nullptr;
}

void* secret_realloc(void* data, size_t size_bytes) {
  if (data == nullptr) return secret_malloc(size_bytes);
  const size_t old_bytes = SecretHeap::instance().requested_bytes(data);
  void* moved = secret_malloc(size_bytes);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, data, std::min(old_bytes, size_bytes));
  secret_free(data);
  return moved;
}

void secret_free(void* data) { SecretHeap::instance().free(data); }

}  // namespace sealedge
