// A promise to be settled later. Napi::Promise::Deferred leaves its members unset where none can be made, as in a
// worker that is being terminated, and what it returns then crashes Node; this one is empty, and settling it does
// nothing.
#pragma once

#include <napi.h>

namespace sealedge {

class Deferred {
 public:
  explicit Deferred(napi_env env) : env_(env) {
    if (napi_create_promise(env, &deferred_, &promise_) != napi_ok) {
      deferred_ = nullptr;
      promise_ = nullptr;
    }
  }

  // Empty when there is none. Valid as long as the handle scope it was made in.
  Napi::Value promise() const { return {env_, promise_}; }

  // The status is not looked at: it fails only where nobody can be told any more.
  void resolve(const Napi::Value& value) const {
    if (deferred_ != nullptr) (void)napi_resolve_deferred(env_, deferred_, value);
  }
  void reject(const Napi::Value& reason) const {
    if (deferred_ != nullptr) (void)napi_reject_deferred(env_, deferred_, reason);
  }

 private:
  napi_env env_;
  napi_deferred deferred_ = nullptr;
  napi_value promise_ = nullptr;
};

}  // namespace sealedge
