#include "container/private_copy.h"

#include <sys/mman.h>

#include <string>
#include <utility>

namespace sealedge {

PrivateCopy::~PrivateCopy() { reset(); }

PrivateCopy::PrivateCopy(PrivateCopy&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_bytes_(std::exchange(other.size_bytes_, 0)) {}

PrivateCopy& PrivateCopy::operator=(PrivateCopy&& other) noexcept {
  if (this != &other) {
    reset();
    data_ = std::exchange(other.data_, nullptr);
    size_bytes_ = std::exchange(other.size_bytes_, 0);
  }
  return *this;
}

Result<PrivateCopy> PrivateCopy::allocate(size_t size_bytes) {
  void* data = mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED) {
    return Error{ErrorCode::kOutOfMemory, "no memory for a sealed file of " + std::to_string(size_bytes) + " bytes"};
  }
  PrivateCopy copy;
  copy.data_ = static_cast<uint8_t*>(data);
  copy.size_bytes_ = size_bytes;
  return copy;
}

Result<void> PrivateCopy::freeze() {
  if (mprotect(data_, size_bytes_, PROT_READ) != 0)
    return Error{ErrorCode::kInternal, "cannot write-protect the sealed file"};
  return {};
}

void PrivateCopy::reset() {
  if (data_ != nullptr) munmap(data_, size_bytes_);
  data_ = nullptr;
  size_bytes_ = 0;
}

}  // namespace sealedge
