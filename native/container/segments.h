// Suite 1: keys, associated data and decryption of one segment (SPEC.md "Key derivation", "Segments").
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "container/manifest.h"
#include "core/result.h"
#include "core/weight_layout.h"
#include "memory/secure_buffer.h"

namespace sealedge {

// The layout byte of the associated data: a WeightLayout, or the graph's own.
inline constexpr uint8_t kGraphLayoutByte = 255;
inline constexpr size_t kSegmentAadBytes = 61;

// Into secret memory.
Result<SecureBuffer> derive_segment_key(std::span<const uint8_t, 32> content_key,
                                        std::span<const uint8_t, 32> segment_id);
std::array<uint8_t, kSegmentAadBytes> segment_aad(uint8_t layout_byte, std::span<const uint8_t, 32> segment_id,
                                                  uint64_t length_bytes);

// ciphertext.size() == out.size() == segment.length_bytes. `out` is wiped unless the tag verifies (kSegmentAuth).
Result<void> decrypt_segment(std::span<const uint8_t, 32> content_key, const SegmentInfo& segment, uint8_t layout_byte,
                             std::span<const uint8_t> ciphertext, std::span<uint8_t> out);

}  // namespace sealedge
