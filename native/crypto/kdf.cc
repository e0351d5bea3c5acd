#include <algorithm>
#include <cstring>

#include "crypto/tpm_primitives.h"
#include "memory/secure_buffer.h"

namespace sealedge {
namespace {

constexpr size_t kMaxOutputBytes = 8192;  // sizeInBits is 32 bits wide on the wire; sessions and storage need 64 bytes

std::array<uint8_t, 4> be32(uint32_t value) {
  return {static_cast<uint8_t>(value >> 24), static_cast<uint8_t>(value >> 16), static_cast<uint8_t>(value >> 8),
          static_cast<uint8_t>(value)};
}

std::span<const uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

constexpr uint8_t kLabelEnd = 0;

}  // namespace

// TPM 2.0 Part 1, 11.4.10.2: SP 800-108 counter mode,
//   K(i) = HMAC(key, [i]32 || label || 00 || contextU || contextV || [bits]32), i from 1.
Result<void> kdfa(HashAlg alg, std::span<const uint8_t> key, std::string_view label, std::span<const uint8_t> context_u,
                  std::span<const uint8_t> context_v, std::span<uint8_t> out) {
  if (out.size() > kMaxOutputBytes) return Error{ErrorCode::kInternal, "KDFa: output too long"};
  const size_t hash_bytes = digest_size_bytes(alg);
  SEALEDGE_ASSIGN(SecureBuffer block, SecureBuffer::allocate(hash_bytes, "KDFa"));
  const std::array<uint8_t, 4> bits = be32(static_cast<uint32_t>(out.size() * 8));
  uint32_t i = 1;
  for (size_t at = 0; at < out.size(); at += hash_bytes, ++i) {
    const std::array<uint8_t, 4> counter = be32(i);
    SEALEDGE_TRY(hmac(alg, key, {counter, bytes_of(label), {&kLabelEnd, 1}, context_u, context_v, bits}, block.span()));
    std::memcpy(out.data() + at, block.data(), std::min(hash_bytes, out.size() - at));
  }
  return {};
}

// TPM 2.0 Part 1, 11.4.10.3: SP 800-56A concatenation,
//   digest(i) = H([i]32 || Z || label || 00 || PartyUInfo || PartyVInfo), i from 1.
Result<void> kdfe(HashAlg alg, std::span<const uint8_t> z, std::string_view label, std::span<const uint8_t> party_u,
                  std::span<const uint8_t> party_v, std::span<uint8_t> out) {
  if (out.size() > kMaxOutputBytes) return Error{ErrorCode::kInternal, "KDFe: output too long"};
  const size_t hash_bytes = digest_size_bytes(alg);
  SEALEDGE_ASSIGN(SecureBuffer block, SecureBuffer::allocate(hash_bytes, "KDFe"));
  uint32_t i = 1;
  for (size_t at = 0; at < out.size(); at += hash_bytes, ++i) {
    const std::array<uint8_t, 4> counter = be32(i);
    SEALEDGE_ASSIGN(Digest digest, Digest::create(alg));
    for (std::span<const uint8_t> part : {std::span<const uint8_t>(counter), z, bytes_of(label),
                                          std::span<const uint8_t>(&kLabelEnd, 1), party_u, party_v}) {
      SEALEDGE_TRY(digest.update(part));
    }
    SEALEDGE_TRY(digest.finish(block.span()));
    std::memcpy(out.data() + at, block.data(), std::min(hash_bytes, out.size() - at));
  }
  return {};
}

}  // namespace sealedge
