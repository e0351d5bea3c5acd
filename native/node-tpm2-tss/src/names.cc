#include "names.h"

#include "core/byte_reader.h"
#include "crypto/digest.h"

namespace sealedge::tpm {
namespace {

TPM2_HT type_of(TPM2_HANDLE handle) { return static_cast<TPM2_HT>(handle >> TPM2_HR_SHIFT); }

Result<Bytes> name_of(ByteSpan area, size_t algorithm_at, const char* what) {
  ByteReader reader(area);
  uint16_t algorithm = 0;
  if (!reader.skip(algorithm_at) || !reader.read_u16be(&algorithm)) {
    return Error{ErrorCode::kTpmResponse, std::string(what) + " is too short to have a Name"};
  }
  const auto hash = static_cast<HashAlg>(algorithm);
  if (hash != HashAlg::kSha1 && hash != HashAlg::kSha256 && hash != HashAlg::kSha384 && hash != HashAlg::kSha512) {
    return Error{ErrorCode::kTpmResponse, std::string(what) + " has a name algorithm that is not supported"};
  }
  SEALEDGE_ASSIGN(Digest digest, Digest::create(hash));
  SEALEDGE_TRY(digest.update(area));
  Bytes name(2 + digest_size_bytes(hash));
  name[0] = static_cast<uint8_t>(algorithm >> 8);
  name[1] = static_cast<uint8_t>(algorithm);
  SEALEDGE_TRY(digest.finish(std::span(name).subspan(2)));
  return name;
}

}  // namespace

// nameAlg follows the type in TPMT_PUBLIC (Part 2, 12.2.4), and nvIndex in TPMS_NV_PUBLIC (13.6).
Result<Bytes> name_of_public(ByteSpan public_area) { return name_of(public_area, 2, "public area"); }
Result<Bytes> name_of_nv_public(ByteSpan nv_public) { return name_of(nv_public, 4, "NV public area"); }

Bytes name_of_handle(TPM2_HANDLE handle) {
  return {static_cast<uint8_t>(handle >> 24), static_cast<uint8_t>(handle >> 16), static_cast<uint8_t>(handle >> 8),
          static_cast<uint8_t>(handle)};
}

bool name_is_handle(TPM2_HANDLE handle) {
  const TPM2_HT type = type_of(handle);
  return type != TPM2_HT_TRANSIENT && type != TPM2_HT_PERSISTENT && type != TPM2_HT_NV_INDEX;
}

bool is_transient(TPM2_HANDLE handle) { return type_of(handle) == TPM2_HT_TRANSIENT; }
bool is_nv_index(TPM2_HANDLE handle) { return type_of(handle) == TPM2_HT_NV_INDEX; }

}  // namespace sealedge::tpm
