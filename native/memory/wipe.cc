#include "memory/wipe.h"

#include <cstring>

namespace sealedge {

void wipe(void* data, size_t size_bytes) {
  if (size_bytes == 0) return;
  std::memset(data, 0, size_bytes);
  asm volatile("" : : "r"(data) : "memory");
}

}  // namespace sealedge
