// pwrite(2) of all bytes.
#pragma once

#include <cstdint>
#include <span>

#include "core/result.h"

namespace sealedge {

// Fails with kFileUnreadable, naming the system's reason (no space left, for example).
Result<void> write_at(int fd, uint64_t offset_bytes, std::span<const uint8_t> bytes);

}  // namespace sealedge
