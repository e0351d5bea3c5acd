// SecretHandle: a secret that JavaScript may hold and pass on, never see (memory/secret_handle.h).
#pragma once

#include <napi.h>

#include "core/result.h"
#include "memory/secret_handle_owner.h"

namespace sealedge {

// A tagged object {byteLength, closed, close()} that owns one reference of handle; close() is repeatable, garbage
// collection the backstop.
Napi::Value make_secret_object(Napi::Env env, sealedge_secret_handle* handle);

// A reference to the secret inside value, made by this addon or another. kKeyHandleInvalid for anything else.
Result<SecretHandleRef> secret_from_value(const Napi::Value& value);

void init_secret(Napi::Env env, Napi::Object exports);

}  // namespace sealedge
