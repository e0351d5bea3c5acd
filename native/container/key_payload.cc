#include "container/key_payload.h"

#include <cstring>
#include <string_view>

#include "container/open.h"
#include "core/byte_reader.h"

namespace sealedge {
namespace {

constexpr std::string_view kKeyIdInfo = "sealedge/key-id/1";
constexpr size_t kPublisherOffset = 32;
constexpr size_t kNameOffset = 64;
constexpr size_t kVersionOffset = 96;

std::span<const uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

uint64_t minimum_version(std::span<const uint8_t> payload) {
  uint64_t version = 0;
  ByteReader(payload.subspan(kVersionOffset)).read_u64be(&version);
  return version;
}

}  // namespace

Result<KeyPayload> KeyPayload::parse(std::span<const uint8_t> bytes) {
  if (bytes.size() != kKeyPayloadBytes) {
    return Error{ErrorCode::kKeyPayloadInvalid, "key payload: expected 104 bytes, got " + std::to_string(bytes.size())};
  }
  const uint64_t version = minimum_version(bytes);
  if (version == 0 || version > kMaxSafeInteger) {
    return Error{ErrorCode::kKeyPayloadInvalid, "key payload: minimum version is out of range"};
  }
  SEALEDGE_ASSIGN(SecureBuffer copy, SecureBuffer::allocate(kKeyPayloadBytes, "key payload"));
  std::memcpy(copy.data(), bytes.data(), bytes.size());
  return KeyPayload(std::move(copy));
}

std::span<const uint8_t, 32> KeyPayload::content_key() const { return bytes_.span().first<32>(); }

Result<void> KeyPayload::check(const Manifest& manifest) const {
  const std::span<const uint8_t> payload = bytes_.span();
  SEALEDGE_ASSIGN(const Sha256Digest publisher, sha256(manifest.publisher_spki));
  if (!constant_time_equal(publisher, payload.subspan(kPublisherOffset, publisher.size()))) {
    return Error{ErrorCode::kPublisherUntrusted, "sealed file is signed by a publisher that this key does not name"};
  }
  SEALEDGE_ASSIGN(const Sha256Digest name, sha256(as_bytes(manifest.model_name)));
  if (!constant_time_equal(name, payload.subspan(kNameOffset, name.size()))) {
    return Error{ErrorCode::kModelNameMismatch,
                 "sealed file is of another model than the key: got " + manifest.model_name,
                 {{"got", manifest.model_name}}};
  }
  const uint64_t minimum = minimum_version(payload);
  if (manifest.model_version < minimum) {
    const std::string expected = std::to_string(minimum);
    const std::string got = std::to_string(manifest.model_version);
    return Error{ErrorCode::kModelVersionTooOld,
                 "model version: expected at least " + expected + ", got " + got,
                 {{"expected", expected}, {"got", got}}};
  }
  SEALEDGE_ASSIGN(const Sha256Digest key_id, derive_key_id(content_key()));
  if (key_id != manifest.key_id) {
    return Error{ErrorCode::kNoMatchingKey, "sealed file is encrypted under another content key"};
  }
  return {};
}

Result<Sha256Digest> derive_key_id(std::span<const uint8_t, 32> content_key) {
  Sha256Digest out;
  SEALEDGE_TRY(hkdf_sha256(content_key, {}, as_bytes(kKeyIdInfo), out));
  return out;
}

}  // namespace sealedge
