// What the addon keeps: thread pools for the process, and per environment (the main thread or a worker) the way back
// from pool threads to JavaScript.
#pragma once

#include <napi.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>

#include "core/result.h"
#include "core/thread_pool.h"

namespace sealedge {

// Shared by all environments of the process and made on first use. secret_pool's threads work on stacks in secret
// memory; it has fewer threads when the stacks would take more than a quarter of what may be locked.
Result<ThreadPool*> plain_pool();
Result<ThreadPool*> secret_pool();

class AddonState {
 public:
  static AddonState& of(Napi::Env env) { return *env.GetInstanceData<AddonState>(); }
  static void init(Napi::Env env);
  ~AddonState();

  // Runs work on a thread of pool, then deliver(env) on this environment's thread. When the environment goes away
  // first, work that has not started is skipped and deliver is dropped.
  void post(Napi::Env env, ThreadPool& pool, std::function<void()> work, std::function<void(Napi::Env)> deliver);

 private:
  explicit AddonState(Napi::Env env);
  void close();
  struct Delivery;
  static void deliver(Napi::Env env, Napi::Function, std::nullptr_t*, Delivery* delivery);
  using Completions = Napi::TypedThreadSafeFunction<std::nullptr_t, Delivery, &AddonState::deliver>;

  Completions completions_;
  size_t undelivered_ = 0;  // JavaScript thread only: while there are any, the event loop stays alive

  std::mutex mutex_;
  std::condition_variable idle_;
  size_t on_pool_ = 0;
  bool closing_ = false;
};

}  // namespace sealedge
