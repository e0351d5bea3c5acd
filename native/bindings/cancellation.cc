#include "bindings/cancellation.h"

#include "bindings/errors.h"

namespace sealedge {
namespace {

constexpr napi_type_tag kTag = {0x5345414c45444745ull, 0x43414e43454c2d31ull};  // "SEALEDGE" "CANCEL-1"

Napi::Value create_cancellation(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::Object object = Napi::Object::New(env);
  auto* flag = new Cancellation(std::make_shared<std::atomic<bool>>(false));
  const auto finalize = [](napi_env, void* data, void*) { delete static_cast<Cancellation*>(data); };
  if (napi_wrap(env, object, flag, finalize, nullptr, nullptr) != napi_ok) {
    delete flag;
    throw_error(env, Error{ErrorCode::kInternal, "a cancellation cannot be wrapped"});
    return env.Undefined();
  }
  if (napi_type_tag_object(env, object, &kTag) != napi_ok) {
    throw_error(env, Error{ErrorCode::kInternal, "a cancellation cannot be tagged"});
    return env.Undefined();
  }
  return object;
}

Napi::Value cancel(const Napi::CallbackInfo& info) {
  const std::optional<Cancellation> flag = cancellation_argument(info[0]);
  if (flag && *flag) (*flag)->store(true, std::memory_order_relaxed);
  return info.Env().Undefined();
}

}  // namespace

std::optional<Cancellation> cancellation_argument(const Napi::Value& value) {
  if (value.IsUndefined()) return Cancellation{};
  bool tagged = false;
  void* data = nullptr;
  if (value.IsObject() && napi_check_object_type_tag(value.Env(), value, &kTag, &tagged) == napi_ok && tagged &&
      napi_unwrap(value.Env(), value, &data) == napi_ok) {
    return *static_cast<Cancellation*>(data);
  }
  throw_error(value.Env(), Error{ErrorCode::kOptionInvalid, "cancellation: expected one of createCancellation()"});
  return std::nullopt;
}

void init_cancellation(Napi::Env env, Napi::Object exports) {
  exports.Set("createCancellation", Napi::Function::New<create_cancellation>(env, "createCancellation"));
  exports.Set("cancel", Napi::Function::New<cancel>(env, "cancel"));
}

}  // namespace sealedge
