#include "memory/memlock_limit.h"

#include <linux/capability.h>
#include <sys/resource.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>

namespace sealedge {
namespace {

// CAP_IPC_LOCK lifts the limit only in the initial user namespace (mm/mlock.c asks capable()): inside a container with
// mapped users the bit may be set and mean nothing.
bool in_initial_user_namespace() {
  std::ifstream file("/proc/self/uid_map");
  unsigned long long inside = 1;
  unsigned long long outside = 1;
  unsigned long long count = 0;
  return (file >> inside >> outside >> count) && inside == 0 && outside == 0 && count == 4294967295ull;
}

}  // namespace

MemlockLimit memlock_limit() {
  MemlockLimit result{SIZE_MAX, 0};
  rlimit limit{};
  if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    result.limit_bytes = static_cast<size_t>(limit.rlim_cur);
  }
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmLck:")) {
      result.locked_bytes = std::strtoull(line.c_str() + 6, nullptr, 10) * 1024;
    } else if (line.starts_with("CapEff:")) {
      const uint64_t capabilities = std::strtoull(line.c_str() + 7, nullptr, 16);
      if ((capabilities >> CAP_IPC_LOCK & 1) != 0 && in_initial_user_namespace()) result.limit_bytes = SIZE_MAX;
    }
  }
  return result;
}

std::string memlock_advice() {
  return "raise RLIMIT_MEMLOCK (`ulimit -l`, LimitMEMLOCK= of the systemd unit, --ulimit memlock= of the container) "
         "or grant CAP_IPC_LOCK";
}

}  // namespace sealedge
