// Inside the memory room: the list of this addon's secret mappings, and what happens to them at exit.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/result.h"

namespace sealedge {

// What a mapping holds decides what exit may do to it while other threads may still run: contents of buffers are wiped,
// stacks and the heap's own structures stay usable.
enum class RegionUse { kPages, kBuffer };

size_t page_bytes();
size_t round_up_to_page(size_t size_bytes);  // precondition: no overflow (callers check against kMaxRegionBytes)
inline constexpr size_t kMaxRegionBytes = size_t{1} << 40;

Result<uint8_t*> map_region(size_t size_bytes, const char* purpose, RegionUse use);

// True once exit has wiped the buffers: from then on frees are ignored, canaries are gone.
bool secret_memory_is_exiting();

// A per-process random pattern; canaries are checked against it, so that a fixed pattern in an overrun does not pass.
uint64_t canary_pattern();
[[noreturn]] void canary_damaged();

}  // namespace sealedge
