// A call that computes on a pool thread and answers through a promise.
#pragma once

#include <napi.h>

#include <memory>
#include <utility>

#include "addon/deferred.h"
#include "bindings/addon_state.h"
#include "bindings/errors.h"

namespace sealedge {

class AsyncCall {
 public:
  virtual ~AsyncCall() = default;
  // On a pool thread. Touches nothing of JavaScript: what it needs was copied into members before.
  virtual Result<void> work() = 0;
  // On the JavaScript thread, after work() succeeded.
  virtual Napi::Value result(Napi::Env env) = 0;
};

inline Napi::Value run_async(Napi::Env env, Result<ThreadPool*> pool, std::unique_ptr<AsyncCall> call) {
  const Deferred deferred(env);
  if (!pool.ok()) {
    deferred.reject(to_js_error(env, pool.error()).Value());
    return deferred.promise();
  }
  struct Running {
    std::unique_ptr<AsyncCall> call;
    Result<void> outcome;
  };
  auto running = std::make_shared<Running>(Running{std::move(call), {}});
  AddonState::of(env).post(
      env, **pool, [running] { running->outcome = running->call->work(); },
      [running, deferred](Napi::Env there) {
        const Napi::HandleScope scope(there);
        if (running->outcome.ok()) {
          const Napi::Value value = running->call->result(there);
          if (there.IsExceptionPending()) {
            deferred.reject(there.GetAndClearPendingException().Value());
          } else {
            deferred.resolve(value);
          }
        } else {
          deferred.reject(to_js_error(there, running->outcome.error()).Value());
        }
      });
  return deferred.promise();
}

}  // namespace sealedge
