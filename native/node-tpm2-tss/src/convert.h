// Between JavaScript values and the plain structs of this addon. The only files here that see N-API are this one,
// secret_object and binding.
#pragma once

#include <napi.h>

#include "context.h"

namespace sealedge::tpm {

// A kOptionInvalid error where a value does not have the type it must have: TypeScript has checked before, so this only
// keeps a wrong call from becoming undefined behaviour.
Result<ContextOptions> to_context_options(const Napi::Value& value);
Result<CommandRequest> to_command_request(const Napi::Value& value);
Result<SessionRequest> to_session_request(const Napi::Value& value);
Result<Handle> to_handle(const Napi::Value& value);
Result<uint64_t> to_session_id(const Napi::Value& value);

Napi::Value to_js(Napi::Env env, Reply reply);
Napi::Value to_js(Napi::Env env, const StartedSession& session);
Napi::Error to_js(Napi::Env env, const Error& error);
Napi::Value secret_memory_report_to_js(Napi::Env env);

}  // namespace sealedge::tpm
