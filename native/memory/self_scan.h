// Looks through this process's own memory for secrets that left secret memory.
//
// Reads every mapping that can be read, as another process would (process_vm_readv), but for the regions of this addon.
// Other threads go on meanwhile, and registers are not seen: a scanner outside that stops the process first proves more
// (tools/residency); this one needs no privilege and no copy of the secrets outside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"
#include "memory/probe_set.h"

namespace sealedge {

struct SelfScanHit {
  size_t probe;  // index into the ProbeSet
  uintptr_t address;
  std::string mapping;  // file, "[heap]", "[stack]" or "anonymous rw-p"
};

struct SelfScanReport {
  size_t mappings = 0;
  size_t bytes_read = 0;
  // Pages that the kernel hands to nobody: secret memory at level kSecretmem, mappings without permission to read.
  size_t unreadable_bytes = 0;
  size_t hit_count = 0;
  std::vector<SelfScanHit> hits;  // the first of each probe, at most kMaxListedHits
  // A random string planted in ordinary memory for this scan was found: the scan finds what is there.
  bool control_found = false;
};
inline constexpr size_t kMaxListedHits = 1024;

// Takes a place in `probes` for the control. Run it on a secret stack. Fails with kOptionInvalid (no place left),
// kInternal (the kernel refuses /proc/self/maps or process_vm_readv), or for lack of secret memory.
Result<SelfScanReport> scan_own_memory(ProbeSet* probes);

}  // namespace sealedge
