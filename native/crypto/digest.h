// SHA-2 and HMAC over the private libcrypto. Key material may be passed in; contexts live in secret memory.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "core/result.h"

namespace sealedge {

enum class HashAlg : uint16_t { kSha1 = 0x0004, kSha256 = 0x000B, kSha384 = 0x000C, kSha512 = 0x000D };  // TPM_ALG_ID
size_t digest_size_bytes(HashAlg alg);

using Sha256Digest = std::array<uint8_t, 32>;

// Streaming digest. finish() writes digest_size_bytes(alg) bytes and leaves the object empty.
class Digest {
 public:
  static Result<Digest> create(HashAlg alg);
  Digest(Digest&&) noexcept;
  Digest& operator=(Digest&&) noexcept;
  ~Digest();
  Result<void> update(std::span<const uint8_t> data);
  Result<void> finish(std::span<uint8_t> out);

 private:
  struct Impl;
  explicit Digest(Impl* impl);
  Impl* impl_ = nullptr;
};

Result<Sha256Digest> sha256(std::span<const uint8_t> data);
// out.size() == digest_size_bytes(alg). key and out may be in secret memory; nothing is copied elsewhere.
Result<void> hmac(HashAlg alg, std::span<const uint8_t> key, std::initializer_list<std::span<const uint8_t>> parts,
                  std::span<uint8_t> out);
// RFC 5869 extract and expand; out.size() <= 255 * 32.
Result<void> hkdf_sha256(std::span<const uint8_t> ikm, std::span<const uint8_t> salt, std::span<const uint8_t> info,
                         std::span<uint8_t> out);
// No early exit. Sizes are public.
bool constant_time_equal(std::span<const uint8_t> a, std::span<const uint8_t> b);
// getrandom(2), never a short read.
Result<void> random_bytes(std::span<uint8_t> out);

}  // namespace sealedge
