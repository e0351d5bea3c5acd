#include "convert.h"

#include <cmath>
#include <cstring>

#include "memory/secret_region.h"
#include "secret_object.h"

namespace sealedge::tpm {
namespace {

Error wrong_type(const char* what, const char* expected) {
  return {ErrorCode::kOptionInvalid, std::string(what) + " must be " + expected};
}

Result<uint32_t> to_u32(const Napi::Value& value, const char* what) {
  if (value.IsNumber()) {
    const double number = value.As<Napi::Number>().DoubleValue();
    if (number >= 0 && number <= 4294967295.0 && std::trunc(number) == number) return static_cast<uint32_t>(number);
  }
  return wrong_type(what, "an integer from 0 to 4294967295");
}

// A view of the bytes of a Uint8Array (or Buffer), good until JavaScript runs again.
Result<ByteSpan> to_span(const Napi::Value& value, const char* what) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    return wrong_type(what, "a Uint8Array");
  }
  const auto array = value.As<Napi::Uint8Array>();
  return ByteSpan(array.Data(), array.ByteLength());
}

Result<SecureBuffer> to_secure(const Napi::Value& value, const char* what) {
  ByteSpan bytes;
  SecretHandleRef secret;
  if (is_secret_object(value)) {
    SEALEDGE_ASSIGN(secret, secret_of_object(value));
    bytes = secret.bytes();
  } else {
    SEALEDGE_ASSIGN(bytes, to_span(value, what));
  }
  if (bytes.empty()) return SecureBuffer();
  SEALEDGE_ASSIGN(SecureBuffer copy, SecureBuffer::allocate(bytes.size(), "tpm parameter"));
  std::memcpy(copy.data(), bytes.data(), bytes.size());
  return copy;
}

Result<Bytes> to_bytes(const Napi::Value& value, const char* what) {
  SEALEDGE_ASSIGN(const ByteSpan bytes, to_span(value, what));
  return Bytes(bytes.begin(), bytes.end());
}

Result<Napi::Object> to_object(const Napi::Value& value, const char* what) {
  if (!value.IsObject()) return wrong_type(what, "an object");
  return value.As<Napi::Object>();
}

Result<Napi::Array> to_array(const Napi::Value& value, const char* what) {
  if (!value.IsArray()) return wrong_type(what, "an array");
  return value.As<Napi::Array>();
}

Result<std::string> to_string(const Napi::Value& value, const char* what) {
  if (!value.IsString()) return wrong_type(what, "a string");
  return value.As<Napi::String>().Utf8Value();
}

// Never converts: a property that could not be read, because its getter threw or the worker is being terminated, has no
// environment to do it in.
Result<bool> to_bool(const Napi::Value& value, const char* what) {
  if (!value.IsBoolean()) return wrong_type(what, "a boolean");
  return value.As<Napi::Boolean>().Value();
}

Result<int> to_milliseconds(const Napi::Value& value, const char* what) {
  SEALEDGE_ASSIGN(const uint32_t number, to_u32(value, what));
  if (number > 24u * 3600 * 1000) return wrong_type(what, "at most a day");
  return static_cast<int>(number);
}

Result<Authorization> to_authorization(const Napi::Value& value) {
  SEALEDGE_ASSIGN(const Napi::Object object, to_object(value, "authorization"));
  Authorization authorization;
  if (const Napi::Value session = object.Get("session"); !session.IsUndefined()) {
    SEALEDGE_ASSIGN(authorization.session, to_session_id(session));
  }
  if (const Napi::Value auth = object.Get("authValue"); !auth.IsUndefined()) {
    SEALEDGE_ASSIGN(authorization.auth_value, to_secure(auth, "authValue"));
  }
  return authorization;
}

Result<void> add_parameter(Parameters* parameters, const std::string& name, const Napi::Value& value) {
  if (value.IsNumber()) {
    SEALEDGE_ASSIGN(const uint32_t number, to_u32(value, name.c_str()));
    parameters->add(name, number);
  } else if (value.IsArray()) {
    const auto array = value.As<Napi::Array>();
    std::vector<SecureBuffer> list;
    for (uint32_t i = 0; i < array.Length(); i++) {
      SEALEDGE_ASSIGN(list.emplace_back(), to_secure(array.Get(i), name.c_str()));
    }
    parameters->add(name, std::move(list));
  } else {
    SEALEDGE_ASSIGN(SecureBuffer bytes, to_secure(value, name.c_str()));
    parameters->add(name, std::move(bytes));
  }
  return {};
}

Napi::Value bytes_to_js(Napi::Env env, const Bytes& bytes) {
  return Napi::Buffer<uint8_t>::Copy(env, bytes.data(), bytes.size());
}

struct ValueToJs {
  Napi::Env env;
  Napi::Value operator()(uint32_t number) const { return Napi::Number::New(env, number); }
  Napi::Value operator()(bool flag) const { return Napi::Boolean::New(env, flag); }
  Napi::Value operator()(const U64& number) const { return Napi::BigInt::New(env, number.value); }
  Napi::Value operator()(Bytes& bytes) const { return bytes_to_js(env, bytes); }
  Napi::Value operator()(const std::vector<Bytes>& list) const {
    Napi::Array array = Napi::Array::New(env, list.size());
    for (uint32_t i = 0; i < list.size(); i++) array.Set(i, bytes_to_js(env, list[i]));
    return array;
  }
  Napi::Value operator()(Secret& secret) const { return make_secret_object(env, std::move(*secret.bytes)); }
};

}  // namespace

Result<ContextOptions> to_context_options(const Napi::Value& value) {
  SEALEDGE_ASSIGN(const Napi::Object object, to_object(value, "options"));
  ContextOptions options{};
  SEALEDGE_ASSIGN(options.tcti, to_string(object.Get("tcti"), "tcti"));
  SEALEDGE_ASSIGN(options.command_timeout_ms, to_milliseconds(object.Get("commandTimeoutMs"), "commandTimeoutMs"));
  SEALEDGE_ASSIGN(options.retry_timeout_ms, to_milliseconds(object.Get("retryTimeoutMs"), "retryTimeoutMs"));
  return options;
}

Result<uint64_t> to_session_id(const Napi::Value& value) {
  if (!value.IsBigInt()) return wrong_type("session", "a Session");
  bool lossless = false;
  const uint64_t id = value.As<Napi::BigInt>().Uint64Value(&lossless);
  if (!lossless) return wrong_type("session", "a Session");
  return id;
}

Result<Handle> to_handle(const Napi::Value& value) {
  SEALEDGE_ASSIGN(const Napi::Object object, to_object(value, "handle"));
  Handle handle;
  SEALEDGE_ASSIGN(handle.handle, to_u32(object.Get("handle"), "handle"));
  if (const Napi::Value name = object.Get("name"); !name.IsUndefined()) {
    SEALEDGE_ASSIGN(handle.name, to_bytes(name, "name"));
    if (handle.name.empty()) return wrong_type("name", "not empty");
  }
  if (const Napi::Value session = object.Get("session"); !session.IsUndefined()) {
    SEALEDGE_ASSIGN(handle.session, to_session_id(session));
  }
  return handle;
}

Result<CommandRequest> to_command_request(const Napi::Value& value) {
  SEALEDGE_ASSIGN(const Napi::Object object, to_object(value, "request"));
  CommandRequest request;
  SEALEDGE_ASSIGN(request.command, to_string(object.Get("command"), "command"));
  SEALEDGE_ASSIGN(const Napi::Array handles, to_array(object.Get("handles"), "handles"));
  for (uint32_t i = 0; i < handles.Length(); i++) {
    SEALEDGE_ASSIGN(request.handles.emplace_back(), to_handle(handles.Get(i)));
  }
  SEALEDGE_ASSIGN(const Napi::Array authorizations, to_array(object.Get("authorizations"), "authorizations"));
  for (uint32_t i = 0; i < authorizations.Length(); i++) {
    SEALEDGE_ASSIGN(request.authorizations.emplace_back(), to_authorization(authorizations.Get(i)));
  }
  if (const Napi::Value encryption = object.Get("encryption"); !encryption.IsUndefined()) {
    SEALEDGE_ASSIGN(request.encryption, to_session_id(encryption));
  }
  SEALEDGE_ASSIGN(const Napi::Object parameters, to_object(object.Get("parameters"), "parameters"));
  const Napi::Array names = parameters.GetPropertyNames();
  if (names.IsEmpty()) return wrong_type("parameters", "an object with readable properties");
  for (uint32_t i = 0; i < names.Length(); i++) {
    SEALEDGE_ASSIGN(const std::string name, to_string(names.Get(i), "parameter name"));
    SEALEDGE_TRY(add_parameter(&request.parameters, name, parameters.Get(name)));
  }
  return request;
}

Result<SessionRequest> to_session_request(const Napi::Value& value) {
  SEALEDGE_ASSIGN(const Napi::Object object, to_object(value, "options"));
  SessionRequest request;
  SEALEDGE_ASSIGN(const uint32_t type, to_u32(object.Get("sessionType"), "sessionType"));
  if (type != TPM2_SE_HMAC && type != TPM2_SE_POLICY && type != TPM2_SE_TRIAL) {
    return wrong_type("sessionType", "hmac, policy or trial");
  }
  request.type = static_cast<TPM2_SE>(type);
  SEALEDGE_ASSIGN(request.hash, to_u32(object.Get("authHash"), "authHash"));
  SEALEDGE_ASSIGN(request.parameter_encryption, to_bool(object.Get("parameterEncryption"), "parameterEncryption"));
  if (const Napi::Value key = object.Get("tpmKey"); !key.IsUndefined()) {
    SEALEDGE_ASSIGN(request.tpm_key, to_handle(key));
    if (request.tpm_key->name.empty()) return wrong_type("tpmKey", "a handle with its Name");
  }
  if (const Napi::Value bind = object.Get("bind"); !bind.IsUndefined()) {
    SEALEDGE_ASSIGN(request.bind, to_handle(bind));
    SEALEDGE_ASSIGN(request.bind_auth, to_secure(object.Get("bindAuthValue"), "bind.authValue"));
  }
  return request;
}

Napi::Value to_js(Napi::Env env, Reply reply) {
  Napi::Object object = Napi::Object::New(env);
  for (auto& [name, value] : reply) object.Set(name, std::visit(ValueToJs{env}, value));
  return object;
}

Napi::Value to_js(Napi::Env env, const StartedSession& session) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("session", Napi::BigInt::New(env, session.id));
  object.Set("sessionHandle", Napi::Number::New(env, session.handle));
  return object;
}

Napi::Error to_js(Napi::Env env, const Error& error) {
  Napi::Error out = Napi::Error::New(env, error.message);
  Napi::Object fields = Napi::Object::New(env);
  for (const auto& [name, value] : error.fields) fields.Set(name, value);
  out.Set("nativeClass", Napi::String::New(env, error_class_name(error.code)));
  out.Set("code", Napi::String::New(env, error_code_name(error.code)));
  out.Set("fields", fields);
  return out;
}

Napi::Value secret_memory_report_to_js(Napi::Env env) {
  const SecretMemoryReport report = secret_memory_report();
  Napi::Object out = Napi::Object::New(env);
  out.Set("level", memory_level_name(report.level));
  out.Set("reason", report.reason);
  out.Set("mappedBytes", Napi::Number::New(env, static_cast<double>(report.mapped_bytes)));
  const bool unlimited = report.limit_bytes == SIZE_MAX;
  out.Set("limitBytes", unlimited ? env.Null() : Napi::Number::New(env, static_cast<double>(report.limit_bytes)));
  Napi::Array regions = Napi::Array::New(env, report.regions.size());
  for (uint32_t i = 0; i < report.regions.size(); i++) {
    const SecretRegionInfo& info = report.regions[i];
    Napi::Object region = Napi::Object::New(env);
    region.Set("begin", Napi::BigInt::New(env, static_cast<uint64_t>(info.begin)));
    region.Set("sizeBytes", Napi::Number::New(env, static_cast<double>(info.size_bytes)));
    region.Set("purpose", info.purpose);
    regions.Set(i, region);
  }
  out.Set("regions", regions);
  return out;
}

}  // namespace sealedge::tpm
