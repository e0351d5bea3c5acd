// Which level of secret memory this process gets: probed once, with one page.
#pragma once

#include <string>

#include "memory/secret_region.h"

namespace sealedge {

struct LevelProbe {
  MemoryLevel level;
  std::string reason;  // why not a higher level
};

const LevelProbe& probed_level();
// memfd_secret(2) with O_CLOEXEC; -1 and errno.
int open_memfd_secret();
// mlock2(2) with MLOCK_ONFAULT, mlock(2) where there is no other; -1 and errno.
int lock_pages(void* pages, size_t size_bytes);

}  // namespace sealedge
