// Sizes of scratch: every part begins on a cache line, which is what the widest loads want.
#pragma once

#include <cstddef>

namespace sealedge {

// Precondition: no overflow; sizes of tensors are far below.
constexpr size_t round_up_64(size_t bytes) { return (bytes + 63) / 64 * 64; }

}  // namespace sealedge
