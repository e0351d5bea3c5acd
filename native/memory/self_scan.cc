#include "memory/self_scan.h"

#include <sys/random.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>

#include "memory/regions.h"
#include "memory/secret_region.h"

namespace sealedge {
namespace {

constexpr size_t kChunkBytes = 256 * 1024;

struct Range {
  uintptr_t begin;
  uintptr_t end;
};

struct Mapping {
  Range range;
  bool readable;
  std::string name;
};

Error refused(const char* what) {
  return {ErrorCode::kInternal,
          std::string("residency scan: the kernel refuses ") + what + ": " + std::strerror(errno)};
}

Result<std::vector<Mapping>> own_mappings() {
  std::ifstream maps("/proc/self/maps");
  if (!maps) return refused("/proc/self/maps");
  std::vector<Mapping> mappings;
  for (std::string line; std::getline(maps, line);) {
    unsigned long begin = 0;
    unsigned long end = 0;
    char permissions[5] = {};
    int path_at = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx %4s %*s %*s %*s %n", &begin, &end, permissions, &path_at) < 3) continue;
    const auto name_at = static_cast<size_t>(path_at);
    std::string name = name_at > 0 && name_at < line.size() ? line.substr(name_at) : "";
    if (name.empty()) name = std::string("anonymous ") + permissions;
    mappings.push_back({{begin, end}, permissions[0] == 'r', std::move(name)});
  }
  return mappings;
}

// `range` without the secret regions, which are sorted.
std::vector<Range> outside(Range range, const std::vector<SecretRegionInfo>& regions) {
  std::vector<Range> parts;
  for (const SecretRegionInfo& region : regions) {
    const uintptr_t region_end = region.begin + region.size_bytes;
    if (region_end <= range.begin || region.begin >= range.end) continue;
    if (region.begin > range.begin) parts.push_back({range.begin, region.begin});
    range.begin = std::min(region_end, range.end);
  }
  if (range.begin < range.end) parts.push_back(range);
  return parts;
}

bool is_secret(uintptr_t address) {
  for (const SecretRegionInfo& region : secret_memory_report().regions) {
    if (address >= region.begin && address - region.begin < region.size_bytes) return true;
  }
  return false;
}

class SelfScan {
 public:
  SelfScan(const ProbeSet& probes, size_t control, uintptr_t control_address, SecureBuffer chunk)
      : probes_(probes), control_(control), control_address_(control_address), chunk_(std::move(chunk)) {}

  Result<SelfScanReport> run() {
    std::vector<SecretRegionInfo> regions = secret_memory_report().regions;
    std::sort(regions.begin(), regions.end(), [](const auto& a, const auto& b) { return a.begin < b.begin; });
    SEALEDGE_ASSIGN(const std::vector<Mapping> mappings, own_mappings());
    for (const Mapping& mapping : mappings) {
      ++report_.mappings;
      for (const Range& part : outside(mapping.range, regions)) {
        if (mapping.readable) {
          SEALEDGE_TRY(scan(part, mapping.name));
        } else {
          report_.unreadable_bytes += part.end - part.begin;
        }
      }
    }
    return std::move(report_);
  }

 private:
  Result<void> scan(Range range, const std::string& name) {
    constexpr size_t kOverlap = ProbeSet::kProbeBytes - 1;  // a probe across the border of two chunks is whole in one
    size_t kept = 0;                                        // bytes of the chunk before this one, moved to the front
    for (uintptr_t at = range.begin; at < range.end;) {
      iovec local = {chunk_.data() + kept, std::min<size_t>(chunk_.size_bytes() - kept, range.end - at)};
      iovec remote = {reinterpret_cast<void*>(at), local.iov_len};  // NOLINT(performance-no-int-to-ptr)
      const ssize_t got = ::process_vm_readv(::getpid(), &local, 1, &remote, 1, 0);
      if (got <= 0) {
        // Gone since the list was read, beyond the end of its file, or secret memory of another addon.
        if (got < 0 && errno != EFAULT && errno != ENOMEM) return refused("process_vm_readv");
        const uintptr_t next = std::min<uintptr_t>((at / page_bytes() + 1) * page_bytes(), range.end);
        report_.unreadable_bytes += next - at;
        at = next;
        kept = 0;
        continue;
      }
      const size_t size = kept + static_cast<size_t>(got);
      const uintptr_t base = at - kept;
      report_.bytes_read += static_cast<size_t>(got);
      probes_.search(chunk_.data(), size, [&](size_t probe, size_t offset) { note(probe, base + offset, name); });
      at += static_cast<size_t>(got);
      kept = std::min(size, kOverlap);
      std::memmove(chunk_.data(), chunk_.data() + size - kept, kept);
    }
    return {};
  }

  void note(size_t probe, uintptr_t address, const std::string& name) {
    if (probe == control_) {
      report_.control_found |= address == control_address_;
      return;
    }
    // Another thread may have got this page as secret memory after the list was made.
    if (is_secret(address)) return;
    ++report_.hit_count;
    const bool known = std::any_of(report_.hits.begin(), report_.hits.end(),
                                   [probe](const SelfScanHit& hit) { return hit.probe == probe; });
    if (!known && report_.hits.size() < kMaxListedHits) report_.hits.push_back({probe, address, name});
  }

  const ProbeSet& probes_;
  const size_t control_;
  const uintptr_t control_address_;
  SecureBuffer chunk_;
  SelfScanReport report_;
};

}  // namespace

Result<SelfScanReport> scan_own_memory(ProbeSet* probes) {
  const auto control = std::make_unique<uint8_t[]>(ProbeSet::kProbeBytes);
  const size_t control_index = probes->size();
  // A random string is refused as not distinctive once in many million times, always when the set is full.
  for (int attempt = 0; attempt < 8 && probes->size() == control_index; ++attempt) {
    if (::getrandom(control.get(), ProbeSet::kProbeBytes, 0) != static_cast<ssize_t>(ProbeSet::kProbeBytes)) {
      return refused("getrandom");
    }
    probes->add(control.get());
  }
  if (probes->size() == control_index) {
    return Error{ErrorCode::kOptionInvalid, "residency scan: no place left in the probe set"};
  }
  SEALEDGE_ASSIGN(SecureBuffer chunk, SecureBuffer::allocate(kChunkBytes, "residency scan"));
  return SelfScan(*probes, control_index, reinterpret_cast<uintptr_t>(control.get()), std::move(chunk)).run();
}

}  // namespace sealedge
