#include <algorithm>
#include <cstring>

#include "crypto/digest.h"
#include "memory/secure_buffer.h"

namespace sealedge {

// RFC 5869. PRK and T(i) stay in secret memory.
Result<void> hkdf_sha256(std::span<const uint8_t> ikm, std::span<const uint8_t> salt, std::span<const uint8_t> info,
                         std::span<uint8_t> out) {
  constexpr size_t kHashBytes = 32;
  if (out.size() > 255 * kHashBytes) return Error{ErrorCode::kInternal, "HKDF: more than 255 blocks"};
  SEALEDGE_ASSIGN(SecureBuffer state, SecureBuffer::allocate(2 * kHashBytes, "HKDF"));
  const std::span<uint8_t> prk = state.span().first(kHashBytes);
  const std::span<uint8_t> block = state.span().last(kHashBytes);

  // 2.2: PRK = HMAC-Hash(salt, IKM); a salt not provided is HashLen zeros, which HMAC's padding makes equal to none.
  SEALEDGE_TRY(hmac(HashAlg::kSha256, salt, {ikm}, prk));
  // 2.3: T(i) = HMAC-Hash(PRK, T(i-1) | info | i)
  uint8_t counter = 1;
  for (size_t at = 0; at < out.size(); at += kHashBytes, ++counter) {
    const std::span<const uint8_t> previous = at == 0 ? std::span<const uint8_t>() : block;
    SEALEDGE_TRY(hmac(HashAlg::kSha256, prk, {previous, info, {&counter, 1}}, block));
    std::memcpy(out.data() + at, block.data(), std::min(kHashBytes, out.size() - at));
  }
  return {};
}

}  // namespace sealedge
