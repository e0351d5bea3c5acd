#include "secret_object.h"

namespace sealedge::tpm {
namespace {

constexpr napi_type_tag kTag = {SEALEDGE_SECRET_HANDLE_TAG_LOWER, SEALEDGE_SECRET_HANDLE_TAG_UPPER};

void release_wrapped(napi_env, void* data, void*) {
  auto* handle = static_cast<sealedge_secret_handle*>(data);
  handle->release(handle);
}

// nullptr for an object that is not a handle, or is closed. The tag comes first: only of a tagged object is it known
// what it wraps.
sealedge_secret_handle* unwrap(const Napi::Value& value) {
  void* data = nullptr;
  if (!is_secret_object(value) || napi_unwrap(value.Env(), value, &data) != napi_ok) return nullptr;
  return static_cast<sealedge_secret_handle*>(data);
}

Napi::Value byte_length(const Napi::CallbackInfo& info) {
  const sealedge_secret_handle* handle = unwrap(info.This());
  return Napi::Number::New(info.Env(), handle ? static_cast<double>(handle->length_bytes) : 0);
}

Napi::Value closed(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), unwrap(info.This()) == nullptr);
}

void close(const Napi::CallbackInfo& info) {
  void* data = nullptr;
  // Unwraps, so that later users find nothing; the finalizer does not run then.
  if (!unwrap(info.This()) || napi_remove_wrap(info.Env(), info.This(), &data) != napi_ok) return;
  release_wrapped(info.Env(), data, nullptr);
}

}  // namespace

Napi::Value make_secret_object(Napi::Env env, SecureBuffer secret) {
  Napi::Object object = Napi::Object::New(env);
  object.DefineProperties({
      Napi::PropertyDescriptor::Accessor<byte_length>("byteLength", napi_enumerable),
      Napi::PropertyDescriptor::Accessor<closed>("closed", napi_enumerable),
      Napi::PropertyDescriptor::Function(env, object, "close", &close),
  });
  sealedge_secret_handle* handle = make_secret_handle(std::move(secret));
  if (napi_wrap(env, object, handle, &release_wrapped, nullptr, nullptr) != napi_ok) {
    handle->release(handle);
    return env.Undefined();
  }
  // Tagged last: an object with the tag always has the wrap, or had it.
  if (napi_type_tag_object(env, object, &kTag) != napi_ok) return env.Undefined();
  return object;
}

bool is_secret_object(const Napi::Value& value) {
  bool tagged = false;
  return value.IsObject() && napi_check_object_type_tag(value.Env(), value, &kTag, &tagged) == napi_ok && tagged;
}

Result<SecretHandleRef> secret_of_object(const Napi::Value& value) {
  sealedge_secret_handle* handle = unwrap(value);
  if (!handle) return Error{ErrorCode::kKeyHandleInvalid, "the secret handle is closed"};
  return SecretHandleRef::retain(handle);
}

}  // namespace sealedge::tpm
