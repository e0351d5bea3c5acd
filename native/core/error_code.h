// Every way native code can fail, grouped by the class of error that TypeScript throws (src/errors.ts).
// One table, used by bindings/errors.cc and by the test that no code is left unmapped.
#pragma once

#include <cstdint>

namespace sealedge {

// X(enumerator, class, code): class and code are spelled exactly as in src/errors.ts.
#define SEALEDGE_ERROR_CODES(X)                                            \
  X(kOptionInvalid, "UsageError", "ERR_OPTION_INVALID")                    \
  X(kModelClosed, "UsageError", "ERR_MODEL_CLOSED")                        \
  X(kFileUnreadable, "UsageError", "ERR_FILE_UNREADABLE")                  \
  X(kCancelled, "UsageError", "ERR_CANCELLED")                             \
  X(kMemoryRefused, "MemoryError", "ERR_SECRET_MEMORY_REFUSED")            \
  X(kMemoryExhausted, "MemoryError", "ERR_SECRET_MEMORY_EXHAUSTED")        \
  X(kOutOfMemory, "MemoryError", "ERR_OUT_OF_MEMORY")                      \
  X(kHeaderMalformed, "ContainerError", "ERR_HEADER_MALFORMED")            \
  X(kVersionUnsupported, "ContainerError", "ERR_VERSION_UNSUPPORTED")      \
  X(kEnvelopeMalformed, "ContainerError", "ERR_ENVELOPE_MALFORMED")        \
  X(kEnvelopeNotCanonical, "ContainerError", "ERR_ENVELOPE_NOT_CANONICAL") \
  X(kSignatureInvalid, "ContainerError", "ERR_SIGNATURE_INVALID")          \
  X(kManifestInvalid, "ContainerError", "ERR_MANIFEST_INVALID")            \
  X(kSuiteUnsupported, "ContainerError", "ERR_SUITE_UNSUPPORTED")          \
  X(kPaddingInvalid, "ContainerError", "ERR_PADDING_INVALID")              \
  X(kLengthMismatch, "ContainerError", "ERR_LENGTH_MISMATCH")              \
  X(kTruncated, "ContainerError", "ERR_TRUNCATED")                         \
  X(kSegmentAuth, "ContainerError", "ERR_SEGMENT_AUTH")                    \
  X(kPublisherUntrusted, "KeyError", "ERR_PUBLISHER_UNTRUSTED")            \
  X(kModelNameMismatch, "KeyError", "ERR_MODEL_NAME_MISMATCH")             \
  X(kModelVersionTooOld, "KeyError", "ERR_MODEL_VERSION_TOO_OLD")          \
  X(kKeyPayloadInvalid, "KeyError", "ERR_KEY_PAYLOAD_INVALID")             \
  X(kKeyHandleInvalid, "KeyError", "ERR_KEY_HANDLE_INVALID")               \
  X(kNoMatchingKey, "KeyError", "ERR_NO_MATCHING_KEY")                     \
  X(kModelInvalid, "ModelError", "ERR_MODEL_INVALID")                      \
  X(kOpUnsupported, "ModelError", "ERR_OP_UNSUPPORTED")                    \
  X(kShapeMismatch, "ModelError", "ERR_SHAPE_MISMATCH")                    \
  X(kInputInvalid, "ModelError", "ERR_INPUT_INVALID")                      \
  X(kLimitExceeded, "ModelError", "ERR_LIMIT_EXCEEDED")                    \
  X(kAborted, "ModelError", "ERR_ABORTED")                                 \
  X(kTpmUnavailable, "TpmError", "ERR_TPM_UNAVAILABLE")                    \
  X(kTpmRc, "TpmError", "ERR_TPM_RC")                                      \
  X(kTpmResponse, "TpmError", "ERR_TPM_RESPONSE")                          \
  X(kTpmSession, "TpmError", "ERR_TPM_SESSION")                            \
  X(kCryptoFailure, "InternalError", "ERR_CRYPTO_FAILURE")                 \
  X(kInternal, "InternalError", "ERR_INTERNAL")

enum class ErrorCode : uint16_t {
#define SEALEDGE_X(name, cls, code) name,
  SEALEDGE_ERROR_CODES(SEALEDGE_X)
#undef SEALEDGE_X
};

// "ContainerError" for kSegmentAuth.
const char* error_class_name(ErrorCode code);
// "ERR_SEGMENT_AUTH" for kSegmentAuth.
const char* error_code_name(ErrorCode code);

}  // namespace sealedge
