// Sessions for JavaScript: an opaque tagged object, and functions that take it (src/native.ts lists their shapes).
#pragma once

#include <napi.h>

namespace sealedge {

void init_session(Napi::Env env, Napi::Object exports);

}  // namespace sealedge
