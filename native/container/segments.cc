#include "container/segments.h"

#include <cstring>
#include <string_view>

#include "core/checkpoint.h"
#include "crypto/aead.h"
#include "crypto/digest.h"
#include "memory/wipe.h"

namespace sealedge {
namespace {

constexpr std::string_view kSegmentDomain = "sealedge/segment/1";

}  // namespace

Result<SecureBuffer> derive_segment_key(std::span<const uint8_t, 32> content_key,
                                        std::span<const uint8_t, 32> segment_id) {
  // info = "sealedge/segment/1" ‖ u16(suite)
  std::array<uint8_t, kSegmentDomain.size() + 2> info;
  std::memcpy(info.data(), kSegmentDomain.data(), kSegmentDomain.size());
  info[kSegmentDomain.size()] = kSuite1 >> 8;
  info[kSegmentDomain.size() + 1] = kSuite1 & 0xFF;
  SEALEDGE_ASSIGN(SecureBuffer key, SecureBuffer::allocate(kAeadKeyBytes, "segment key"));
  SEALEDGE_TRY(hkdf_sha256(content_key, segment_id, info, key.span()));
  return key;
}

std::array<uint8_t, kSegmentAadBytes> segment_aad(uint8_t layout_byte, std::span<const uint8_t, 32> segment_id,
                                                  uint64_t length_bytes) {
  // aad = "sealedge/segment/1" ‖ u16(suite) ‖ u8(layout) ‖ id ‖ u64(length)
  std::array<uint8_t, kSegmentAadBytes> aad;
  uint8_t* out = aad.data();
  std::memcpy(out, kSegmentDomain.data(), kSegmentDomain.size());
  out += kSegmentDomain.size();
  *out++ = kSuite1 >> 8;
  *out++ = kSuite1 & 0xFF;
  *out++ = layout_byte;
  std::memcpy(out, segment_id.data(), segment_id.size());
  out += segment_id.size();
  for (int shift = 56; shift >= 0; shift -= 8) *out++ = static_cast<uint8_t>(length_bytes >> shift);
  return aad;
}

Result<void> decrypt_segment(std::span<const uint8_t, 32> content_key, const SegmentInfo& segment, uint8_t layout_byte,
                             std::span<const uint8_t> ciphertext, std::span<uint8_t> out) {
  const auto decrypt = [&]() -> Result<void> {
    SEALEDGE_ASSIGN(const SecureBuffer key, derive_segment_key(content_key, segment.id));
    const auto aad = segment_aad(layout_byte, segment.id, segment.length_bytes);
    SEALEDGE_ASSIGN(GcmOpener opener, GcmOpener::create(key.span().first<kAeadKeyBytes>(), aad));
    SEALEDGE_TRY(opener.update(ciphertext, out));
    SEALEDGE_CHECKPOINT("segment-decrypted");  // key, round keys and GHASH state are alive here
    return opener.finish(segment.tag);
  };
  auto result = decrypt();
  // SPEC.md "Segments": decrypted bytes MUST NOT be used before the tag has verified.
  if (!result.ok()) wipe(out.data(), out.size());
  return result;
}

}  // namespace sealedge
