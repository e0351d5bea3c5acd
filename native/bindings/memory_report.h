// secretMemoryReport(): which level of secret memory this process got, and every mapping of this addon.
#pragma once

#include <napi.h>

namespace sealedge {

void init_memory_report(Napi::Env env, Napi::Object exports);

}  // namespace sealedge
