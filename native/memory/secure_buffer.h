// SecureBuffer: an owned, fixed-size piece of secret memory. Wiped when it goes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/result.h"

namespace sealedge {

class SecureBuffer {
 public:
  SecureBuffer() = default;
  ~SecureBuffer();
  SecureBuffer(SecureBuffer&& other) noexcept;
  SecureBuffer& operator=(SecureBuffer&& other) noexcept;
  SecureBuffer(const SecureBuffer&) = delete;
  SecureBuffer& operator=(const SecureBuffer&) = delete;

  // Zeroed, 64-byte aligned. Small sizes share pages of the process's secret heap, between canaries; large ones (>= one
  // page) get pages of their own, the end against the upper guard page and a canary in front:
  //   | guard page | unused, canary | data ... size_bytes, canary up to 64-byte alignment | guard page |
  // A canary found damaged when the buffer goes aborts the process. Size 0 is an empty buffer. purpose: a literal.
  // Fails with kMemoryExhausted (needed, available, how to raise it) or kMemoryRefused.
  static Result<SecureBuffer> allocate(size_t size_bytes, const char* purpose);

  uint8_t* data() { return data_; }
  const uint8_t* data() const { return data_; }
  size_t size_bytes() const { return size_bytes_; }
  std::span<uint8_t> span() { return {data_, size_bytes_}; }
  std::span<const uint8_t> span() const { return {data_, size_bytes_}; }
  explicit operator bool() const { return data_ != nullptr; }

  // Wipes and frees now; the buffer is empty afterwards. Repeatable.
  void reset();

 private:
  SecureBuffer(uint8_t* data, size_t size_bytes) : data_(data), size_bytes_(size_bytes) {}
  uint8_t* data_ = nullptr;
  size_t size_bytes_ = 0;
};

}  // namespace sealedge
