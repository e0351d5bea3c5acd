// Between byte spans and the structures of libtss2: unmarshalled by libtss2-mu, which checks every size, selector and
// count; and nothing may be left over.
#pragma once

#include <tss2/tss2_mu.h>

#include <cstring>

#include "rc.h"
#include "values.h"

namespace sealedge::tpm {

// Mu<T>::kMarshal and kUnmarshal name libtss2-mu's functions for T.
template <typename T>
struct Mu;
#define SEALEDGE_MU(T)                                          \
  template <>                                                   \
  struct Mu<T> {                                                \
    static constexpr auto kMarshal = Tss2_MU_##T##_Marshal;     \
    static constexpr auto kUnmarshal = Tss2_MU_##T##_Unmarshal; \
    static constexpr const char* kName = #T;                    \
  };
SEALEDGE_MU(TPMT_PUBLIC)
SEALEDGE_MU(TPMS_NV_PUBLIC)
SEALEDGE_MU(TPMS_CREATION_DATA)
SEALEDGE_MU(TPMS_CAPABILITY_DATA)
SEALEDGE_MU(TPMT_SIGNATURE)
SEALEDGE_MU(TPMT_SIG_SCHEME)
SEALEDGE_MU(TPMT_TK_CREATION)
SEALEDGE_MU(TPMT_TK_VERIFIED)
SEALEDGE_MU(TPMT_TK_AUTH)
SEALEDGE_MU(TPML_PCR_SELECTION)
SEALEDGE_MU(TPML_DIGEST_VALUES)
SEALEDGE_MU(TPMS_ECC_POINT)
#undef SEALEDGE_MU

template <typename T>
Result<T> unmarshal(ByteSpan bytes, const char* parameter) {
  T value{};
  size_t offset = 0;
  const TSS2_RC rc = Mu<T>::kUnmarshal(bytes.data(), bytes.size(), &offset, &value);
  if (rc != TSS2_RC_SUCCESS || offset != bytes.size()) {
    const std::string why = rc ? decode_rc(rc).name : std::to_string(bytes.size() - offset) + " bytes left over";
    return Error{ErrorCode::kOptionInvalid,
                 std::string("parameter ") + parameter + " is not a " + Mu<T>::kName + ": " + why,
                 {{"parameter", parameter}, {"type", Mu<T>::kName}}};
  }
  return value;
}

template <typename T>
Result<Bytes> marshal(const T& value) {
  // No structure above is larger than its C representation.
  Bytes out(sizeof(T));
  size_t offset = 0;
  const TSS2_RC rc = Mu<T>::kMarshal(&value, out.data(), out.size(), &offset);
  if (rc != TSS2_RC_SUCCESS) {
    return Error{ErrorCode::kTpmResponse, std::string("the TPM answered an invalid ") + Mu<T>::kName};
  }
  out.resize(offset);
  return out;
}

// A TPM2B that is only bytes: {UINT16 size; BYTE bytes[]}, whatever the field is called.
template <typename T>
Result<T> to_tpm2b(ByteSpan bytes, const char* parameter) {
  T value{};
  if (bytes.size() > sizeof(T) - sizeof(UINT16)) {
    return Error{ErrorCode::kOptionInvalid,
                 std::string("parameter ") + parameter + " must be at most " +
                     std::to_string(sizeof(T) - sizeof(UINT16)) + " bytes, got " + std::to_string(bytes.size()),
                 {{"parameter", parameter}}};
  }
  value.size = static_cast<UINT16>(bytes.size());
  if (!bytes.empty()) std::memcpy(reinterpret_cast<uint8_t*>(&value) + sizeof(UINT16), bytes.data(), bytes.size());
  return value;
}

// Precondition: value came from libtss2-mu, so size is within the buffer.
template <typename T>
ByteSpan view_tpm2b(const T& value) {
  return {reinterpret_cast<const uint8_t*>(&value) + sizeof(UINT16), value.size};
}

template <typename T>
Bytes from_tpm2b(const T& value) {
  const ByteSpan view = view_tpm2b(value);
  return Bytes(view.begin(), view.end());
}

}  // namespace sealedge::tpm
