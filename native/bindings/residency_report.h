// A ResidencyReport as JavaScript sees it: NativeResidencyReport of src/native.ts.
#pragma once

#include <napi.h>

#include "engine/residency.h"

namespace sealedge {

Napi::Value residency_to_js(Napi::Env env, const ResidencyReport& report);

}  // namespace sealedge
