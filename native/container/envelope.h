// Header and DSSE envelope (SPEC.md "Header", "Envelope"): the only bytes read before a signature has verified.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/result.h"
#include "crypto/digest.h"

namespace sealedge {

inline constexpr size_t kHeaderBytes = 16;
inline constexpr size_t kMaxEnvelopeBytes = size_t{1} << 20;
inline constexpr uint32_t kContainerVersion = 1;

// Whether bytes start like a sealed file. No ModelProto does: its first byte would open a group, which ONNX never uses.
bool looks_sealed(std::span<const uint8_t> bytes);

// The envelope length that a header announces, 1 to kMaxEnvelopeBytes.
Result<size_t> parse_header(std::span<const uint8_t, kHeaderBytes> header);

struct Envelope {
  std::string statement;
  Sha256Digest key_id;  // the entry's keyid; not yet compared with the statement's key
  std::vector<uint8_t> signature;
};

// Checks form and canonical encoding, not the signature: see verify_envelope().
Result<Envelope> parse_envelope(std::string_view text);

// SPEC.md "Signature": the entry names `publisher_spki`, and its signature over DSSE's pre-authentication encoding
// verifies.
Result<void> verify_envelope(const Envelope& envelope, std::span<const uint8_t> publisher_spki);

}  // namespace sealedge
