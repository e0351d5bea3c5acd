// The module table of sealedge.node, nothing else.
#include <napi.h>

#include "bindings/addon_state.h"
#include "bindings/cancellation.h"
#include "bindings/container.h"
#include "bindings/errors.h"
#include "bindings/inspector_signal.h"
#include "bindings/memory_report.h"
#include "bindings/runtime_info.h"
#include "bindings/secret.h"
#include "bindings/session.h"

namespace {

Napi::Object init(Napi::Env env, Napi::Object exports) {
  sealedge::AddonState::init(env);
  sealedge::init_container(env, exports);
  sealedge::init_errors(env, exports);
  sealedge::init_inspector_signal(env, exports);
  sealedge::init_cancellation(env, exports);
  sealedge::init_memory_report(env, exports);
  sealedge::init_runtime_info(env, exports);
  sealedge::init_secret(env, exports);
  sealedge::init_session(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(sealedge, init)
