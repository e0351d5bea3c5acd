#include "bindings/errors.h"

namespace sealedge {
namespace {

// [[class, code], ...]: what the test compares with src/errors.ts.
Napi::Value error_table(const Napi::CallbackInfo& info) {
  Napi::Array table = Napi::Array::New(info.Env());
  const auto add = [&](const char* cls, const char* code) {
    Napi::Array row = Napi::Array::New(info.Env(), 2);
    row.Set(0u, cls);
    row.Set(1u, code);
    table.Set(table.Length(), row);
  };
#define SEALEDGE_X(name, cls, code) add(cls, code);
  SEALEDGE_ERROR_CODES(SEALEDGE_X)
#undef SEALEDGE_X
  return table;
}

}  // namespace

Napi::Error to_js_error(Napi::Env env, const Error& error) {
  Napi::Error result = Napi::Error::New(env, error.message);
  Napi::Object fields = Napi::Object::New(env);
  for (const auto& [name, value] : error.fields) fields.Set(name, value);
  result.Set("sealedgeClass", Napi::String::New(env, error_class_name(error.code)));
  result.Set("code", Napi::String::New(env, error_code_name(error.code)));
  result.Set("fields", fields);
  return result;
}

void throw_error(Napi::Env env, const Error& error) {
  if (env.IsExceptionPending()) return;
  to_js_error(env, error).ThrowAsJavaScriptException();
}

void init_errors(Napi::Env env, Napi::Object exports) {
  exports.Set("errorTable", Napi::Function::New<error_table>(env, "errorTable"));
}

}  // namespace sealedge
