// Node opens its debugger on SIGUSR1, to whoever may send this process a signal.
#pragma once

#include <napi.h>

namespace sealedge {

// ignoreInspectorSignal(): SIGUSR1 is ignored from now on. An application that installs a listener of its own later
// gets it.
void init_inspector_signal(Napi::Env env, Napi::Object exports);

}  // namespace sealedge
