// What the readers of onnx.proto's messages share.
#pragma once

#include <cstddef>
#include <string>

#include "core/result.h"
#include "onnx/wire.h"

namespace sealedge {

inline Error malformed(const char* message) {
  return Error{ErrorCode::kModelInvalid, std::string("malformed ") + message};
}
inline Error too_many(const char* what, size_t limit) {
  return Error{ErrorCode::kLimitExceeded, std::string("too many ") + what + ": at most " + std::to_string(limit)};
}

// True when the field is a string or a message; a schema field of another wire type is an error, never skipped.
inline bool is_bytes(const WireField& field) { return field.type == WireType::kLengthDelimited; }
inline bool is_varint(const WireField& field) { return field.type == WireType::kVarint; }

}  // namespace sealedge
