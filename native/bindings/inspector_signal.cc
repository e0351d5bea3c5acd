#include "bindings/inspector_signal.h"

#include <csignal>

namespace sealedge {
namespace {

Napi::Value ignore_inspector_signal(const Napi::CallbackInfo& info) {
  std::signal(SIGUSR1, SIG_IGN);
  return info.Env().Undefined();
}

}  // namespace

void init_inspector_signal(Napi::Env env, Napi::Object exports) {
  exports.Set("ignoreInspectorSignal", Napi::Function::New<ignore_inspector_signal>(env, "ignoreInspectorSignal"));
}

}  // namespace sealedge
