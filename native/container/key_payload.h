// What a device holds for a model: the content key, and who may sign which name from which version on (SPEC.md "Key
// payload").
#pragma once

#include <cstdint>
#include <span>

#include "container/manifest.h"
#include "core/result.h"
#include "crypto/digest.h"
#include "memory/secure_buffer.h"

namespace sealedge {

class KeyPayload {
 public:
  // Copies into secret memory. Fails with kKeyPayloadInvalid.
  static Result<KeyPayload> parse(std::span<const uint8_t> bytes);

  std::span<const uint8_t, 32> content_key() const;
  // SPEC.md "What a reader rejects", rows 15 to 18: is this the publisher, name, version and key that the payload is
  // for?
  Result<void> check(const Manifest& manifest) const;
  void reset() { bytes_.reset(); }

 private:
  explicit KeyPayload(SecureBuffer bytes) : bytes_(std::move(bytes)) {}
  SecureBuffer bytes_;
};

// key id = HKDF-SHA-256(content key, salt = empty, info = "sealedge/key-id/1", length = 32)
Result<Sha256Digest> derive_key_id(std::span<const uint8_t, 32> content_key);

}  // namespace sealedge
