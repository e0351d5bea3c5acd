// How much more memory this process may lock. Both levels of secret memory draw on RLIMIT_MEMLOCK.
#pragma once

#include <cstddef>
#include <string>

namespace sealedge {

struct MemlockLimit {
  size_t limit_bytes;   // SIZE_MAX when there is none
  size_t locked_bytes;  // by anyone in this process (VmLck)
  size_t available_bytes() const { return limit_bytes > locked_bytes ? limit_bytes - locked_bytes : 0; }
};

MemlockLimit memlock_limit();
// What an operator does about it; ends the error messages.
std::string memlock_advice();

}  // namespace sealedge
