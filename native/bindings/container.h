// Sealing and unsealing, for the publisher's tools (src/container/seal.ts, unseal.ts).
#pragma once

#include <napi.h>

namespace sealedge {

void init_container(Napi::Env env, Napi::Object exports);

}  // namespace sealedge
