// The JavaScript side of memory/secret_handle.h: a tagged object that holds one reference and shows nothing but a
// length.
#pragma once

#include <napi.h>

#include "core/result.h"
#include "memory/secret_handle_owner.h"

namespace sealedge::tpm {

Napi::Value make_secret_object(Napi::Env env, SecureBuffer secret);
// Also of a handle that another addon made.
bool is_secret_object(const Napi::Value& value);
// kKeyHandleInvalid when it is closed.
Result<SecretHandleRef> secret_of_object(const Napi::Value& value);

}  // namespace sealedge::tpm
