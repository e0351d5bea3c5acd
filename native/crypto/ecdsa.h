// ECDSA P-256 verification for the publisher's signature (SPEC.md "Signature").
#pragma once

#include <cstdint>
#include <span>

#include "core/result.h"

namespace sealedge {

// spki: DER SubjectPublicKeyInfo of an uncompressed P-256 point, exactly 91 bytes; anything else is refused.
// signature: r || s, 64 bytes, 0 < r < n, 0 < s <= n/2 (low-s). Returns kSignatureInvalid when it does not verify.
Result<void> ecdsa_p256_verify(std::span<const uint8_t> spki, std::span<const uint8_t> message,
                               std::span<const uint8_t> signature);

}  // namespace sealedge
