// The signed statement of a sealed file (SPEC.md "Statement"), parsed and checked. Everything in it is public.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "crypto/digest.h"

namespace sealedge {

inline constexpr uint64_t kSegmentAlignment = 4096;
// NIST SP 800-38D 5.2.1.1: at most 2^39 - 256 bits of plaintext per GCM message.
inline constexpr uint64_t kMaxSegmentBytes = (uint64_t{1} << 36) - 32;
// Weight segments are padded to it, so that kernels may read whole vectors at their end.
inline constexpr uint64_t kWeightSegmentGranule = 64;
inline constexpr uint64_t kMaxSafeInteger = (uint64_t{1} << 53) - 1;
inline constexpr size_t kMaxModelNameBytes = 256;
inline constexpr uint16_t kSuite1 = 1;  // HKDF-SHA-256, AES-256-GCM, ECDSA P-256 with SHA-256

enum class SegmentKind : uint8_t { kGraph = 0, kWeights = 1 };

struct SegmentInfo {
  std::array<uint8_t, 32> id;
  std::array<uint8_t, 16> tag;
  Sha256Digest sha256;  // of the ciphertext; for readers without the content key
  SegmentKind kind = SegmentKind::kWeights;
  uint64_t offset_bytes = 0;
  uint64_t length_bytes = 0;
};

struct Manifest {
  std::string model_name;
  uint64_t model_version = 0;
  std::string model_description;  // empty when absent
  std::string created;            // RFC 3339 UTC, seconds; empty when absent
  std::vector<uint8_t> publisher_spki;
  Sha256Digest key_id;  // names the content key, see derive_key_id()
  uint16_t suite = 0;
  uint64_t data_offset_bytes = 0;
  uint64_t total_length_bytes = 0;
  std::vector<SegmentInfo> segments;  // [0] is the graph, the others are weights
};

// Checks everything that the statement alone can show, the SPKI's shape included. `envelope_length` fixes the data
// offset. Fails with kEnvelopeNotCanonical, kManifestInvalid or kSuiteUnsupported.
Result<Manifest> parse_manifest(std::string_view statement, size_t envelope_length);

}  // namespace sealedge
