// Whether an environment still runs JavaScript.
#pragma once

#include <napi.h>

namespace sealedge {

// While an environment is torn down (a terminated worker), Node still hands out what is queued, before any cleanup hook
// and with a valid env, but every call that could run JavaScript fails. Asking with one is the only way to know.
inline bool can_run_javascript(napi_env env) {
  napi_value object = nullptr;
  napi_value value = nullptr;
  return napi_create_object(env, &object) == napi_ok && napi_get_undefined(env, &value) == napi_ok &&
         napi_set_named_property(env, object, "probe", value) == napi_ok;
}

}  // namespace sealedge
