// The one copy of a file's segments that is checked and used: anonymous, private, read-only once it is complete.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/result.h"

namespace sealedge {

class PrivateCopy {
 public:
  PrivateCopy() = default;
  ~PrivateCopy();
  PrivateCopy(PrivateCopy&& other) noexcept;
  PrivateCopy& operator=(PrivateCopy&& other) noexcept;

  // Fails with kOutOfMemory. Pages appear as they are written.
  static Result<PrivateCopy> allocate(size_t size_bytes);
  std::span<uint8_t> writable() { return {data_, size_bytes_}; }
  std::span<const uint8_t> bytes() const { return {data_, size_bytes_}; }
  // From here on a stray write faults instead of changing verified ciphertext.
  Result<void> freeze();
  void reset();

 private:
  uint8_t* data_ = nullptr;
  size_t size_bytes_ = 0;
};

}  // namespace sealedge
