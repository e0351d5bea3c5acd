#include "memory/secret_region.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "memory/level.h"
#include "memory/memlock_limit.h"
#include "memory/regions.h"
#include "memory/secret_heap.h"
#include "memory/wipe.h"

namespace sealedge {
namespace {

struct Region {
  uint8_t* payload;
  size_t size_bytes;
  const char* purpose;
  RegionUse use;
};

struct Registry {
  std::mutex mutex;
  std::vector<Region> regions;
};

std::atomic<bool> exiting{false};

void wipe_at_exit();

// Never destroyed: frees arrive until the last static object of the process is gone.
Registry& registry() {
  static Registry& instance = *[] {
    std::atexit(wipe_at_exit);
    return new Registry;
  }();
  return instance;
}

void wipe_at_exit() {
  exiting.store(true);
  {
    std::lock_guard lock(registry().mutex);
    for (const Region& region : registry().regions) {
      if (region.use == RegionUse::kBuffer) wipe(region.payload, region.size_bytes);
    }
  }
  SecretHeap::instance().wipe_buffers();
}

Error exhausted(size_t needed_bytes, const char* purpose, int failure) {
  const MemlockLimit limit = memlock_limit();
  const std::string needed = std::to_string(needed_bytes);
  if (limit.limit_bytes == SIZE_MAX) {
    return {
        ErrorCode::kMemoryExhausted,
        "secret memory for " + std::string(purpose) + ": needed " + needed + " bytes, got " + std::strerror(failure),
        {{"needed", needed}, {"purpose", purpose}}};
  }
  const std::string available = std::to_string(limit.available_bytes());
  return {ErrorCode::kMemoryExhausted,
          "secret memory for " + std::string(purpose) + ": needed " + needed + " bytes, available " + available +
              " of " + std::to_string(limit.limit_bytes) + "; " + memlock_advice(),
          {{"needed", needed},
           {"available", available},
           {"limit", std::to_string(limit.limit_bytes)},
           {"purpose", purpose}}};
}

// Puts memory of the process's level at payload, inside a PROT_NONE reservation. Returns 0 or errno.
int back_with_secret_memory(uint8_t* payload, size_t size_bytes) {
  if (secret_memory_level() == MemoryLevel::kSecretmem) {
    const int fd = open_memfd_secret();
    if (fd < 0) return errno;
    int failure = 0;
    if (ftruncate(fd, static_cast<off_t>(size_bytes)) != 0 ||
        mmap(payload, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) {
      failure = errno;
    }
    // Closed at once: an open descriptor could be stolen with pidfd_getfd and mapped by another process.
    close(fd);
    return failure;
  }
  if (mprotect(payload, size_bytes, PROT_READ | PROT_WRITE) != 0) return errno;
  if (madvise(payload, size_bytes, MADV_DONTDUMP) != 0 || madvise(payload, size_bytes, MADV_WIPEONFORK) != 0)
    return errno;
  return lock_pages(payload, size_bytes) == 0 ? 0 : errno;
}

}  // namespace

size_t page_bytes() {
  static const auto size = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

size_t round_up_to_page(size_t size_bytes) { return (size_bytes + page_bytes() - 1) / page_bytes() * page_bytes(); }

bool secret_memory_is_exiting() { return exiting.load(); }

uint64_t canary_pattern() {
  static const uint64_t pattern = [] {
    uint64_t value = 0;
    // Without entropy (never seen after boot) the canary is merely guessable.
    if (getrandom(&value, sizeof(value), 0) != sizeof(value)) value = 0x5ea1edce5ea1edceull;
    return value;
  }();
  return pattern;
}

void canary_damaged() { std::abort(); }

Result<uint8_t*> map_region(size_t size_bytes, const char* purpose, RegionUse use) {
  const LevelProbe& level = probed_level();
  if (level.level == MemoryLevel::kRefused) {
    return Error{ErrorCode::kMemoryRefused, "secret memory is refused: " + level.reason, {{"reason", level.reason}}};
  }
  if (size_bytes == 0 || size_bytes > kMaxRegionBytes) return exhausted(size_bytes, purpose, ENOMEM);
  Registry& all = registry();
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);

  const size_t payload_bytes = round_up_to_page(size_bytes);
  const size_t total_bytes = payload_bytes + 2 * page_bytes();
  void* reserved = mmap(nullptr, total_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved == MAP_FAILED) return exhausted(payload_bytes, purpose, errno);
  uint8_t* payload = static_cast<uint8_t*>(reserved) + page_bytes();
  int failure = back_with_secret_memory(payload, payload_bytes);
  if (failure == 0 && madvise(reserved, total_bytes, MADV_DONTFORK) != 0) failure = errno;
  if (failure != 0) {
    munmap(reserved, total_bytes);
    return exhausted(payload_bytes, purpose, failure);
  }
  std::lock_guard lock(all.mutex);
  all.regions.push_back({payload, payload_bytes, purpose, use});
  return payload;
}

Result<uint8_t*> secret_map(size_t size_bytes, const char* purpose) {
  return map_region(size_bytes, purpose, RegionUse::kPages);
}

void secret_unmap(uint8_t* payload, size_t size_bytes) {
  if (payload == nullptr || secret_memory_is_exiting()) return;
  Registry& all = registry();
  const size_t payload_bytes = round_up_to_page(size_bytes);
  {
    std::lock_guard lock(all.mutex);
    std::erase_if(all.regions, [&](const Region& region) { return region.payload == payload; });
  }
  wipe(payload, payload_bytes);
  munmap(payload - page_bytes(), payload_bytes + 2 * page_bytes());
}

SecretMemoryReport secret_memory_report() {
  SecretMemoryReport report{secret_memory_level(), probed_level().reason, 0, memlock_limit().limit_bytes, {}};
  Registry& all = registry();
  std::lock_guard lock(all.mutex);
  for (const Region& region : all.regions) {
    report.mapped_bytes += region.size_bytes;
    report.regions.push_back({reinterpret_cast<uintptr_t>(region.payload), region.size_bytes, region.purpose});
  }
  return report;
}

}  // namespace sealedge
