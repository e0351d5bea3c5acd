#include "sealing/file_writer.h"

#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace sealedge {

Result<void> write_at(int fd, uint64_t offset_bytes, std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset_bytes));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      return Error{ErrorCode::kFileUnreadable, "cannot write the output: " + std::generic_category().message(errno)};
    }
    bytes = bytes.subspan(static_cast<size_t>(count));
    offset_bytes += static_cast<uint64_t>(count);
  }
  return {};
}

}  // namespace sealedge
