#include "container/envelope.h"

#include <cstring>

#include "container/canonical_json.h"
#include "container/text_encoding.h"
#include "core/byte_reader.h"
#include "crypto/ecdsa.h"

namespace sealedge {
namespace {

constexpr std::string_view kMagic = "SEALEDGE";
constexpr std::string_view kPayloadType = "application/vnd.in-toto+json";
constexpr size_t kSignatureBytes = 64;

Error malformed(const char* message) { return {ErrorCode::kEnvelopeMalformed, message}; }

const std::string* string_member(const JsonValue& object, std::string_view name) {
  const JsonValue* value = object.find(name);
  return value != nullptr && value->type == JsonValue::Type::kString ? &value->string : nullptr;
}

std::span<const uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace

bool looks_sealed(std::span<const uint8_t> bytes) {
  return bytes.size() >= kMagic.size() && std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) == 0;
}

Result<size_t> parse_header(std::span<const uint8_t, kHeaderBytes> header) {
  ByteReader reader(header);
  std::span<const uint8_t> magic;
  uint32_t version = 0;
  uint32_t envelope_length = 0;
  if (!reader.read_span(8, &magic) || !reader.read_u32be(&version) || !reader.read_u32be(&envelope_length)) {
    return Error{ErrorCode::kTruncated, "file ends inside its header"};
  }
  if (!looks_sealed(magic)) {
    return Error{ErrorCode::kHeaderMalformed, "not a sealed file: the magic is missing"};
  }
  if (version != kContainerVersion) {
    const std::string got = std::to_string(version);
    return Error{
        ErrorCode::kVersionUnsupported, "container version: expected 1, got " + got, {{"expected", "1"}, {"got", got}}};
  }
  if (envelope_length == 0 || envelope_length > kMaxEnvelopeBytes) {
    return Error{ErrorCode::kHeaderMalformed,
                 "envelope length: expected 1 to 1048576, got " + std::to_string(envelope_length)};
  }
  return size_t{envelope_length};
}

Result<Envelope> parse_envelope(std::string_view text) {
  SEALEDGE_ASSIGN(const JsonValue root, parse_canonical_json(text));
  const std::string* payload = string_member(root, "payload");
  const std::string* payload_type = string_member(root, "payloadType");
  const JsonValue* signatures = root.find("signatures");
  if (root.members.size() != 3 || payload == nullptr || payload_type == nullptr || signatures == nullptr ||
      signatures->type != JsonValue::Type::kArray) {
    return malformed("envelope: expected exactly payload, payloadType and signatures");
  }
  if (*payload_type != kPayloadType) return malformed("envelope: expected payload type application/vnd.in-toto+json");
  if (signatures->items.size() != 1) return malformed("envelope: expected exactly one signature");
  const JsonValue& entry = signatures->items[0];
  const std::string* key_id = string_member(entry, "keyid");
  const std::string* signature = string_member(entry, "sig");
  if (entry.members.size() != 2 || key_id == nullptr || signature == nullptr) {
    return malformed("envelope signature: expected exactly keyid and sig");
  }

  Envelope envelope;
  if (!from_hex(*key_id, envelope.key_id))
    return malformed("envelope signature: keyid is not 64 lower-case hex digits");
  std::vector<uint8_t> statement;
  if (!from_base64(*payload, &statement)) {
    return Error{ErrorCode::kEnvelopeNotCanonical, "envelope: payload is not strict base64"};
  }
  if (!from_base64(*signature, &envelope.signature)) {
    return Error{ErrorCode::kEnvelopeNotCanonical, "envelope: signature is not strict base64"};
  }
  envelope.statement.assign(statement.begin(), statement.end());
  return envelope;
}

Result<void> verify_envelope(const Envelope& envelope, std::span<const uint8_t> publisher_spki) {
  SEALEDGE_ASSIGN(const Sha256Digest expected_id, sha256(publisher_spki));
  if (expected_id != envelope.key_id) {
    return Error{ErrorCode::kSignatureInvalid, "signature names another key than the statement's publisher"};
  }
  if (envelope.signature.size() != kSignatureBytes) {
    return Error{ErrorCode::kSignatureInvalid,
                 "signature: expected 64 bytes, got " + std::to_string(envelope.signature.size())};
  }
  // SPEC.md "Envelope": pae = "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body
  std::string pae = "DSSEv1 ";
  pae += std::to_string(kPayloadType.size());
  pae += ' ';
  pae += kPayloadType;
  pae += ' ';
  pae += std::to_string(envelope.statement.size());
  pae += ' ';
  pae += envelope.statement;
  return ecdsa_p256_verify(publisher_spki, as_bytes(pae), envelope.signature);
}

}  // namespace sealedge
