#include "memory/secure_buffer.h"

#include <cstring>
#include <utility>

#include "memory/regions.h"
#include "memory/secret_heap.h"
#include "memory/secret_region.h"
#include "memory/wipe.h"

namespace sealedge {
namespace {

constexpr size_t kAlignment = 64;  // a cache line, and the widest vector register
constexpr size_t kFrontCanaryBytes = 64;

bool has_own_pages(size_t size_bytes) { return size_bytes >= page_bytes(); }
size_t aligned(size_t size_bytes) { return (size_bytes + kAlignment - 1) / kAlignment * kAlignment; }
size_t payload_bytes(size_t size_bytes) { return round_up_to_page(kFrontCanaryBytes + aligned(size_bytes)); }

uint8_t canary_byte(size_t i) { return static_cast<uint8_t>(canary_pattern() >> (i % 8 * 8)); }

void write_canaries(uint8_t* data, size_t size_bytes) {
  uint8_t* front = data - kFrontCanaryBytes;
  for (size_t i = 0; i < kFrontCanaryBytes; ++i) front[i] = canary_byte(i);
  for (size_t i = size_bytes; i < aligned(size_bytes); ++i) data[i] = canary_byte(i);
}

void check_canaries(const uint8_t* data, size_t size_bytes) {
  const uint8_t* front = data - kFrontCanaryBytes;
  uint8_t difference = 0;
  for (size_t i = 0; i < kFrontCanaryBytes; ++i) difference |= front[i] ^ canary_byte(i);
  for (size_t i = size_bytes; i < aligned(size_bytes); ++i) difference |= data[i] ^ canary_byte(i);
  if (difference != 0) canary_damaged();
}

}  // namespace

Result<SecureBuffer> SecureBuffer::allocate(size_t size_bytes, const char* purpose) {
  if (size_bytes == 0) return SecureBuffer();
  if (size_bytes > kMaxRegionBytes) {
    return Error{ErrorCode::kMemoryExhausted, "secret memory for " + std::string(purpose) + ": the size is absurd"};
  }
  if (!has_own_pages(size_bytes)) {
    SEALEDGE_ASSIGN(uint8_t* data, SecretHeap::instance().allocate(size_bytes, SecretHeap::Use::kBuffer, purpose));
    std::memset(data, 0, size_bytes);
    return SecureBuffer(data, size_bytes);
  }
  const size_t mapped_bytes = payload_bytes(size_bytes);
  SEALEDGE_ASSIGN(uint8_t* payload, map_region(mapped_bytes, purpose, RegionUse::kBuffer));
  uint8_t* data = payload + mapped_bytes - aligned(size_bytes);
  write_canaries(data, size_bytes);
  return SecureBuffer(data, size_bytes);
}

void SecureBuffer::reset() {
  if (data_ == nullptr) return;
  uint8_t* data = data_;
  const size_t size_bytes = size_bytes_;
  data_ = nullptr;
  size_bytes_ = 0;
  if (!has_own_pages(size_bytes)) {
    SecretHeap::instance().free(data);
    return;
  }
  if (secret_memory_is_exiting()) return;
  check_canaries(data, size_bytes);
  const size_t mapped_bytes = payload_bytes(size_bytes);
  secret_unmap(data + aligned(size_bytes) - mapped_bytes, mapped_bytes);
}

SecureBuffer::~SecureBuffer() { reset(); }

SecureBuffer::SecureBuffer(SecureBuffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_bytes_(std::exchange(other.size_bytes_, 0)) {}

SecureBuffer& SecureBuffer::operator=(SecureBuffer&& other) noexcept {
  if (this != &other) {
    reset();
    data_ = std::exchange(other.data_, nullptr);
    size_bytes_ = std::exchange(other.size_bytes_, 0);
  }
  return *this;
}

}  // namespace sealedge
