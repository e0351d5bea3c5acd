#include "memory/level.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "memory/memlock_limit.h"

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

namespace sealedge {
namespace {

// Each probe returns an empty string, or why the level is not to be had.
std::string probe_secretmem(size_t page) {
  const int fd = open_memfd_secret();
  if (fd < 0) {
    return std::string("memfd_secret is not available (") + std::strerror(errno) +
           "; Linux >= 6.5, or secretmem.enable=1 on the kernel command line)";
  }
  std::string why;
  if (ftruncate(fd, static_cast<off_t>(page)) != 0) {
    why = std::string("memfd_secret cannot be sized: ") + std::strerror(errno);
  } else {
    void* probe = mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (probe == MAP_FAILED) {
      why = std::string("memfd_secret cannot be mapped: ") + std::strerror(errno);
    } else {
      munmap(probe, page);
    }
  }
  close(fd);
  return why;
}

std::string probe_locked(size_t page) {
  void* probe = mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (probe == MAP_FAILED) return std::string("memory cannot be mapped: ") + std::strerror(errno);
  std::string why;
  if (lock_pages(probe, page) != 0) why = std::string("memory cannot be locked: ") + std::strerror(errno);
  munmap(probe, page);
  return why;
}

LevelProbe probe() {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const char* variable = std::getenv("SEALEDGE_MEMORY");
  const std::string_view forced = variable == nullptr ? "" : variable;
  std::string why_not_secretmem = "SEALEDGE_MEMORY=locked";
  if (forced != "locked") {
    why_not_secretmem = probe_secretmem(page);
    if (why_not_secretmem.empty()) return {MemoryLevel::kSecretmem, ""};
    // Forced means this level or none.
    if (forced == "secretmem") return {MemoryLevel::kRefused, why_not_secretmem + "; " + memlock_advice()};
  }
  std::string why_not_locked = probe_locked(page);
  if (why_not_locked.empty()) return {MemoryLevel::kLocked, std::move(why_not_secretmem)};
  return {MemoryLevel::kRefused, why_not_secretmem + "; " + why_not_locked + "; " + memlock_advice()};
}

}  // namespace

// Locking on fault charges the limit now and brings pages in when they are touched, as memfd_secret does. mlock brings
// them in at once: the same promise, for kernels before 4.4 and for emulators, where the C library turns the ENOSYS of
// mlock2 into EINVAL.
int lock_pages(void* pages, size_t size_bytes) {
  if (mlock2(pages, size_bytes, MLOCK_ONFAULT) == 0) return 0;
  return errno == EINVAL || errno == ENOSYS ? mlock(pages, size_bytes) : -1;
}

int open_memfd_secret() { return static_cast<int>(syscall(SYS_memfd_secret, O_CLOEXEC)); }

const LevelProbe& probed_level() {
  static const LevelProbe& chosen = *new LevelProbe(probe());  // never destroyed: used until the process is gone
  return chosen;
}

MemoryLevel secret_memory_level() { return probed_level().level; }

const char* memory_level_name(MemoryLevel level) {
  switch (level) {
    case MemoryLevel::kSecretmem:
      return "secretmem";
    case MemoryLevel::kLocked:
      return "locked";
    case MemoryLevel::kRefused:
      return "refused";
  }
  return "refused";
}

}  // namespace sealedge
