#include "bindings/secret.h"

#include <cstring>

#include "bindings/args.h"
#include "bindings/errors.h"

namespace sealedge {
namespace {

constexpr napi_type_tag kTag = {SEALEDGE_SECRET_HANDLE_TAG_LOWER, SEALEDGE_SECRET_HANDLE_TAG_UPPER};

Error invalid(const char* why) { return {ErrorCode::kKeyHandleInvalid, std::string("secret handle: ") + why}; }

void finalize(napi_env, void* data, void*) {
  auto* handle = static_cast<sealedge_secret_handle*>(data);
  handle->release(handle);
}

bool is_tagged(const Napi::Value& value) {
  bool tagged = false;
  return value.IsObject() && napi_check_object_type_tag(value.Env(), value, &kTag, &tagged) == napi_ok && tagged;
}

// Unwraps, so that later users find nothing; a second call finds nothing itself.
Napi::Value close_object(const Napi::CallbackInfo& info) {
  void* data = nullptr;
  if (is_tagged(info.This()) && napi_remove_wrap(info.Env(), info.This(), &data) == napi_ok && data != nullptr) {
    auto* handle = static_cast<sealedge_secret_handle*>(data);
    handle->release(handle);
  }
  return info.Env().Undefined();
}

Napi::Value is_closed(const Napi::CallbackInfo& info) {
  void* data = nullptr;
  const bool open = is_tagged(info.This()) && napi_unwrap(info.Env(), info.This(), &data) == napi_ok;
  return Napi::Boolean::New(info.Env(), !open);
}

// Copies bytes that were in ordinary JavaScript memory already: for publishers and tests, not for a device's keys.
Napi::Value secret_from_bytes(const Napi::CallbackInfo& info) {
  const auto bytes = bytes_argument(info[0], "bytes");
  if (!bytes) return info.Env().Undefined();
  Result<SecureBuffer> secret = SecureBuffer::allocate(bytes->size(), "secret");
  if (!secret.ok()) {
    throw_error(info.Env(), secret.error());
    return info.Env().Undefined();
  }
  if (!bytes->empty()) std::memcpy(secret->data(), bytes->data(), bytes->size());
  return make_secret_object(info.Env(), make_secret_handle(std::move(*secret)));
}

}  // namespace

Napi::Value make_secret_object(Napi::Env env, sealedge_secret_handle* handle) {
  Napi::Object object = Napi::Object::New(env);
  object.DefineProperties({
      Napi::PropertyDescriptor::Value("byteLength", Napi::Number::New(env, static_cast<double>(handle->length_bytes)),
                                      napi_enumerable),
      Napi::PropertyDescriptor::Accessor(env, object, "closed", &is_closed),
      Napi::PropertyDescriptor::Function(env, object, "close", &close_object),
  });
  if (napi_wrap(env, object, handle, &finalize, nullptr, nullptr) != napi_ok) {
    handle->release(handle);
    throw_error(env, Error{ErrorCode::kInternal, "a secret handle cannot be wrapped"});
    return env.Undefined();
  }
  // Tagged last: an object with the tag always has the wrap, or had it.
  if (napi_type_tag_object(env, object, &kTag) != napi_ok) {
    throw_error(env, Error{ErrorCode::kInternal, "a secret handle cannot be tagged"});
    return env.Undefined();
  }
  return object;
}

Result<SecretHandleRef> secret_from_value(const Napi::Value& value) {
  // The tag comes first: only a tagged object's wrap has the type we think it has.
  if (!is_tagged(value)) return invalid("expected a SecretHandle");
  void* data = nullptr;
  if (napi_unwrap(value.Env(), value, &data) != napi_ok) return invalid("closed already");
  return SecretHandleRef::retain(static_cast<sealedge_secret_handle*>(data));
}

void init_secret(Napi::Env env, Napi::Object exports) {
  exports.Set("secretFromBytes", Napi::Function::New<secret_from_bytes>(env, "secretFromBytes"));
}

}  // namespace sealedge
