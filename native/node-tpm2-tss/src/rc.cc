#include "rc.h"

#include <tss2/tss2_rc.h>
#include <tss2/tss2_tpm2_types.h>

#include <cstdio>
#include <iterator>

namespace sealedge::tpm {
namespace {

struct NamedCode {
  TSS2_RC code;
  const char* name;
};

// Part 2, table 16: TPM_RC_* with the prefix of format zero (RC_VER1, RC_WARN) or one (RC_FMT1) included.
constexpr NamedCode kTpmCodes[] = {
    {0x100, "TPM_RC_INITIALIZE"},
    {0x101, "TPM_RC_FAILURE"},
    {0x103, "TPM_RC_SEQUENCE"},
    {0x10B, "TPM_RC_PRIVATE"},
    {0x119, "TPM_RC_HMAC"},
    {0x120, "TPM_RC_DISABLED"},
    {0x121, "TPM_RC_EXCLUSIVE"},
    {0x124, "TPM_RC_AUTH_TYPE"},
    {0x125, "TPM_RC_AUTH_MISSING"},
    {0x126, "TPM_RC_POLICY"},
    {0x127, "TPM_RC_PCR"},
    {0x128, "TPM_RC_PCR_CHANGED"},
    {0x12D, "TPM_RC_UPGRADE"},
    {0x12E, "TPM_RC_TOO_MANY_CONTEXTS"},
    {0x12F, "TPM_RC_AUTH_UNAVAILABLE"},
    {0x130, "TPM_RC_REBOOT"},
    {0x131, "TPM_RC_UNBALANCED"},
    {0x142, "TPM_RC_COMMAND_SIZE"},
    {0x143, "TPM_RC_COMMAND_CODE"},
    {0x144, "TPM_RC_AUTHSIZE"},
    {0x145, "TPM_RC_AUTH_CONTEXT"},
    {0x146, "TPM_RC_NV_RANGE"},
    {0x147, "TPM_RC_NV_SIZE"},
    {0x148, "TPM_RC_NV_LOCKED"},
    {0x149, "TPM_RC_NV_AUTHORIZATION"},
    {0x14A, "TPM_RC_NV_UNINITIALIZED"},
    {0x14B, "TPM_RC_NV_SPACE"},
    {0x14C, "TPM_RC_NV_DEFINED"},
    {0x150, "TPM_RC_BAD_CONTEXT"},
    {0x151, "TPM_RC_CPHASH"},
    {0x152, "TPM_RC_PARENT"},
    {0x153, "TPM_RC_NEEDS_TEST"},
    {0x154, "TPM_RC_NO_RESULT"},
    {0x155, "TPM_RC_SENSITIVE"},
    {0x081, "TPM_RC_ASYMMETRIC"},
    {0x082, "TPM_RC_ATTRIBUTES"},
    {0x083, "TPM_RC_HASH"},
    {0x084, "TPM_RC_VALUE"},
    {0x085, "TPM_RC_HIERARCHY"},
    {0x087, "TPM_RC_KEY_SIZE"},
    {0x088, "TPM_RC_MGF"},
    {0x089, "TPM_RC_MODE"},
    {0x08A, "TPM_RC_TYPE"},
    {0x08B, "TPM_RC_HANDLE"},
    {0x08C, "TPM_RC_KDF"},
    {0x08D, "TPM_RC_RANGE"},
    {0x08E, "TPM_RC_AUTH_FAIL"},
    {0x08F, "TPM_RC_NONCE"},
    {0x090, "TPM_RC_PP"},
    {0x092, "TPM_RC_SCHEME"},
    {0x095, "TPM_RC_SIZE"},
    {0x096, "TPM_RC_SYMMETRIC"},
    {0x097, "TPM_RC_TAG"},
    {0x098, "TPM_RC_SELECTOR"},
    {0x09A, "TPM_RC_INSUFFICIENT"},
    {0x09B, "TPM_RC_SIGNATURE"},
    {0x09C, "TPM_RC_KEY"},
    {0x09D, "TPM_RC_POLICY_FAIL"},
    {0x09F, "TPM_RC_INTEGRITY"},
    {0x0A0, "TPM_RC_TICKET"},
    {0x0A1, "TPM_RC_RESERVED_BITS"},
    {0x0A2, "TPM_RC_BAD_AUTH"},
    {0x0A3, "TPM_RC_EXPIRED"},
    {0x0A4, "TPM_RC_POLICY_CC"},
    {0x0A5, "TPM_RC_BINDING"},
    {0x0A6, "TPM_RC_CURVE"},
    {0x0A7, "TPM_RC_ECC_POINT"},
    {0x901, "TPM_RC_CONTEXT_GAP"},
    {0x902, "TPM_RC_OBJECT_MEMORY"},
    {0x903, "TPM_RC_SESSION_MEMORY"},
    {0x904, "TPM_RC_MEMORY"},
    {0x905, "TPM_RC_SESSION_HANDLES"},
    {0x906, "TPM_RC_OBJECT_HANDLES"},
    {0x907, "TPM_RC_LOCALITY"},
    {0x908, "TPM_RC_YIELDED"},
    {0x909, "TPM_RC_CANCELED"},
    {0x90A, "TPM_RC_TESTING"},
    {0x910, "TPM_RC_REFERENCE_H0"},
    {0x911, "TPM_RC_REFERENCE_H1"},
    {0x912, "TPM_RC_REFERENCE_H2"},
    {0x913, "TPM_RC_REFERENCE_H3"},
    {0x914, "TPM_RC_REFERENCE_H4"},
    {0x915, "TPM_RC_REFERENCE_H5"},
    {0x916, "TPM_RC_REFERENCE_H6"},
    {0x918, "TPM_RC_REFERENCE_S0"},
    {0x919, "TPM_RC_REFERENCE_S1"},
    {0x91A, "TPM_RC_REFERENCE_S2"},
    {0x91B, "TPM_RC_REFERENCE_S3"},
    {0x91C, "TPM_RC_REFERENCE_S4"},
    {0x91D, "TPM_RC_REFERENCE_S5"},
    {0x91E, "TPM_RC_REFERENCE_S6"},
    {0x920, "TPM_RC_NV_RATE"},
    {0x921, "TPM_RC_LOCKOUT"},
    {0x922, "TPM_RC_RETRY"},
    {0x923, "TPM_RC_NV_UNAVAILABLE"},
};

// tss2_common.h, "TSS base return codes": the same numbers in every layer above the TPM.
constexpr const char* kTssCodes[] = {
    nullptr,
    "GENERAL_FAILURE",
    "NOT_IMPLEMENTED",
    "BAD_CONTEXT",
    "ABI_MISMATCH",
    "BAD_REFERENCE",
    "INSUFFICIENT_BUFFER",
    "BAD_SEQUENCE",
    "NO_CONNECTION",
    "TRY_AGAIN",
    "IO_ERROR",
    "BAD_VALUE",
    "NOT_PERMITTED",
    "INVALID_SESSIONS",
    "NO_DECRYPT_PARAM",
    "NO_ENCRYPT_PARAM",
    "BAD_SIZE",
    "MALFORMED_RESPONSE",
    "INSUFFICIENT_CONTEXT",
    "INSUFFICIENT_RESPONSE",
    "INCOMPATIBLE_TCTI",
    "NOT_SUPPORTED",
    "BAD_TCTI_STRUCTURE",
    "MEMORY",
    "BAD_TR",
    "MULTIPLE_DECRYPT_SESSIONS",
    "MULTIPLE_ENCRYPT_SESSIONS",
    "RSP_AUTH_FAILED",
};

struct Layer {
  TSS2_RC bits;
  const char* name;
  const char* prefix;
};

constexpr Layer kLayers[] = {
    {TSS2_TPM_RC_LAYER, "tpm", "TPM_RC"},
    {TSS2_SYS_RC_LAYER, "sys", "TSS2_SYS_RC"},
    {TSS2_MU_RC_LAYER, "mu", "TSS2_MU_RC"},
    {TSS2_TCTI_RC_LAYER, "tcti", "TSS2_TCTI_RC"},
    {TSS2_RESMGR_RC_LAYER, "resourceManager", "TSS2_RESMGR_RC"},
    // The resource manager repeats a code of the TPM.
    {TSS2_RESMGR_TPM_RC_LAYER, "resourceManager", "TPM_RC"},
};

constexpr TSS2_RC kFormatOne = 0x80;
constexpr TSS2_RC kParameter = 0x40;
constexpr TSS2_RC kSession = 0x800;

const Layer* layer_of(TSS2_RC rc) {
  for (const Layer& layer : kLayers) {
    if (layer.bits == (rc & TSS2_RC_LAYER_MASK)) return &layer;
  }
  return nullptr;
}

// Part 2, 6.6.2, format one: P in bit 6, N in bits 8 to 11; without P bit 11 tells a session from a handle.
std::string argument_of(TSS2_RC code) {
  if (!(code & kFormatOne)) return {};
  if (code & kParameter) return "parameter " + std::to_string((code >> 8) & 0xF);
  const TSS2_RC number = (code >> 8) & 0x7;
  if (number == 0) return {};
  return ((code & kSession) ? "session " : "handle ") + std::to_string(number);
}

std::string hex(TSS2_RC rc) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%X", rc);
  return text;
}

}  // namespace

bool is_tpm_layer(TSS2_RC rc) {
  const TSS2_RC layer = rc & TSS2_RC_LAYER_MASK;
  return layer == TSS2_TPM_RC_LAYER || layer == TSS2_RESMGR_TPM_RC_LAYER;
}

TSS2_RC base_rc(TSS2_RC rc) {
  TSS2_RC code = rc & ~TSS2_RC_LAYER_MASK;
  // Of format one only the error number and the format bit; format zero and the layers above the TPM have no arguments.
  return is_tpm_layer(rc) && (code & kFormatOne) ? (code & (0x3F | kFormatOne)) : code;
}

DecodedRc decode_rc(TSS2_RC rc) {
  const Layer* layer = layer_of(rc);
  if (!layer) return {hex(rc), "unknown", {}};
  const TSS2_RC code = base_rc(rc);
  if (is_tpm_layer(rc)) {
    for (const NamedCode& known : kTpmCodes) {
      if (known.code == code) return {known.name, layer->name, argument_of(rc & ~TSS2_RC_LAYER_MASK)};
    }
  } else if (code > 0 && code < std::size(kTssCodes)) {
    return {std::string(layer->prefix) + "_" + kTssCodes[code], layer->name, {}};
  }
  return {std::string(layer->prefix) + "_" + hex(code), layer->name, {}};
}

Error rc_error(TSS2_RC rc, const char* command) {
  const DecodedRc decoded = decode_rc(rc);
  const bool transport = (rc & TSS2_RC_LAYER_MASK) == TSS2_TCTI_RC_LAYER;
  std::string message = std::string(command) + ": " + decoded.name;
  if (!decoded.argument.empty()) message += " (" + decoded.argument + ")";
  message += std::string(": ") + Tss2_RC_Decode(rc);
  Error error{transport ? ErrorCode::kTpmUnavailable : ErrorCode::kTpmRc,
              std::move(message),
              {{"rc", std::to_string(rc)}, {"rcName", decoded.name}, {"layer", decoded.layer}, {"command", command}}};
  if (!decoded.argument.empty()) error.fields.emplace_back("argument", decoded.argument);
  return error;
}

}  // namespace sealedge::tpm
