// Erasure the compiler may not remove.
#pragma once

#include <cstddef>

namespace sealedge {

// Overwrites size_bytes at data with zeros; a compiler barrier keeps the store.
void wipe(void* data, size_t size_bytes);

}  // namespace sealedge
