// runtimeInfo(): what benchmarks and reports print about this build and this CPU.
#pragma once

#include <napi.h>

namespace sealedge {

void init_runtime_info(Napi::Env env, Napi::Object exports);

}  // namespace sealedge
