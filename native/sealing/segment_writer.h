// Encrypts one segment on its way to the file: plaintext in, ciphertext written at its place, tag and digest out.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "container/manifest.h"
#include "core/result.h"
#include "crypto/aead.h"
#include "crypto/digest.h"

namespace sealedge {

class SegmentWriter {
 public:
  // Draws a fresh id. `fd` must be seekable; the segment starts at offset_bytes.
  static Result<SegmentWriter> create(int fd, uint64_t offset_bytes, uint64_t length_bytes, SegmentKind kind,
                                      uint8_t layout_byte, std::span<const uint8_t, 32> content_key);
  // Encrypts in place.
  Result<void> write(std::span<uint8_t> plaintext);
  // Zeros up to `offset_bytes` in the segment.
  Result<void> pad_to(uint64_t offset_bytes);
  // Precondition: exactly length_bytes were written.
  Result<SegmentInfo> finish();

 private:
  SegmentWriter(int fd, SegmentInfo info, GcmSealer sealer, Digest digest)
      : fd_(fd), info_(info), sealer_(std::move(sealer)), digest_(std::move(digest)) {}

  int fd_;
  SegmentInfo info_;
  GcmSealer sealer_;
  Digest digest_;
  uint64_t written_ = 0;
};

}  // namespace sealedge
