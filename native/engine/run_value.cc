#include <sys/mman.h>

#include <cstdlib>
#include <string>

#include "engine/run_value.h"
#include "memory/wipe.h"

namespace sealedge {

namespace {

constexpr size_t kPageBytes = 4096;

size_t pages_for(size_t size_bytes) { return (size_bytes + kPageBytes - 1) / kPageBytes * kPageBytes; }

}  // namespace

Result<std::shared_ptr<RunBuffer>> RunBuffer::allocate(size_t size_bytes, Kind kind,
                                                       const std::shared_ptr<ActivationMeter>& meter) {
  if (size_bytes > SIZE_MAX / 2) return Error{ErrorCode::kLimitExceeded, "a tensor is too large to address"};
  size_bytes = size_bytes == 0 ? 1 : size_bytes;
  std::shared_ptr<RunBuffer> buffer(new RunBuffer(size_bytes, kind));
  if (kind == Kind::kSecret) {
    SEALEDGE_ASSIGN(buffer->secret_, SecureBuffer::allocate(size_bytes, "values of a run"));
    buffer->data_ = buffer->secret_.data();
  } else if (kind == Kind::kSealed) {
    void* pages = ::mmap(nullptr, pages_for(size_bytes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages != MAP_FAILED) {
      ::madvise(pages, pages_for(size_bytes), MADV_DONTDUMP);
      buffer->data_ = static_cast<uint8_t*>(pages);
    }
  } else {
    buffer->data_ = static_cast<uint8_t*>(std::aligned_alloc(64, (size_bytes + 63) / 64 * 64));
  }
  if (!buffer->data_) {
    return Error{ErrorCode::kOutOfMemory, "values of a run: no memory for " + std::to_string(size_bytes) + " bytes"};
  }
  buffer->metered_ = MeteredBytes(meter, size_bytes);
  return buffer;
}

RunBuffer::~RunBuffer() {
  if (!data_ || kind_ == Kind::kSecret) return;
  if (kind_ == Kind::kOrdinary) {
    std::free(data_);
  } else {
    wipe(data_, size_bytes_);
    ::munmap(data_, pages_for(size_bytes_));
  }
}

}  // namespace sealedge
