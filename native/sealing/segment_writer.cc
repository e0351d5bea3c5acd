#include "sealing/segment_writer.h"

#include <algorithm>
#include <array>

#include "container/segments.h"
#include "sealing/file_writer.h"

namespace sealedge {
Result<SegmentWriter> SegmentWriter::create(int fd, uint64_t offset_bytes, uint64_t length_bytes, SegmentKind kind,
                                            uint8_t layout_byte, std::span<const uint8_t, 32> content_key) {
  SegmentInfo info;
  SEALEDGE_TRY(random_bytes(info.id));
  info.kind = kind;
  info.offset_bytes = offset_bytes;
  info.length_bytes = length_bytes;
  SEALEDGE_ASSIGN(const SecureBuffer key, derive_segment_key(content_key, info.id));
  const auto aad = segment_aad(layout_byte, info.id, length_bytes);
  SEALEDGE_ASSIGN(GcmSealer sealer, GcmSealer::create(key.span().first<kAeadKeyBytes>(), aad));
  SEALEDGE_ASSIGN(Digest digest, Digest::create(HashAlg::kSha256));
  return SegmentWriter(fd, info, std::move(sealer), std::move(digest));
}

Result<void> SegmentWriter::write(std::span<uint8_t> plaintext) {
  // In pieces that stay in the cache between the cipher, the hash and the kernel.
  constexpr size_t kPieceBytes = size_t{64} << 10;
  if (plaintext.size() > info_.length_bytes - written_)
    return Error{ErrorCode::kInternal, "segment overflows its length"};
  while (!plaintext.empty()) {
    const auto piece = plaintext.first(std::min(plaintext.size(), kPieceBytes));
    SEALEDGE_TRY(sealer_.update(piece, piece));
    SEALEDGE_TRY(digest_.update(piece));
    SEALEDGE_TRY(write_at(fd_, info_.offset_bytes + written_, piece));
    written_ += piece.size();
    plaintext = plaintext.subspan(piece.size());
  }
  return {};
}

Result<void> SegmentWriter::pad_to(uint64_t offset_bytes) {
  while (written_ < offset_bytes) {
    std::array<uint8_t, kWeightSegmentGranule> zeros{};
    SEALEDGE_TRY(
        write(std::span(zeros).first(static_cast<size_t>(std::min<uint64_t>(zeros.size(), offset_bytes - written_)))));
  }
  return {};
}

Result<SegmentInfo> SegmentWriter::finish() {
  if (written_ != info_.length_bytes) return Error{ErrorCode::kInternal, "segment is shorter than its length"};
  SEALEDGE_TRY(sealer_.finish(info_.tag));
  SEALEDGE_TRY(digest_.finish(info_.sha256));
  return info_;
}

}  // namespace sealedge
