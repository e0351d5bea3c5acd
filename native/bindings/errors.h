// Native errors as JavaScript sees them: an Error with sealedgeClass, code and fields, which src/native.ts turns into
// the classes of src/errors.ts.
#pragma once

#include <napi.h>

#include "core/result.h"

namespace sealedge {

Napi::Error to_js_error(Napi::Env env, const Error& error);
// Makes it the pending exception, unless a getter of the caller's has thrown already: to throw twice ends the process.
// The caller returns at once.
void throw_error(Napi::Env env, const Error& error);

void init_errors(Napi::Env env, Napi::Object exports);

}  // namespace sealedge
