#include "bindings/addon_state.h"

#include <algorithm>

#include "addon/can_run_javascript.h"
#include "memory/memlock_limit.h"
#include "memory/secret_stack.h"

namespace sealedge {
namespace {

// A failed creation is tried again by the next call: the limit may have been raised, or memory released. The number of
// threads is asked for only then: it takes a dozen reads of /proc and /sys, which cost more than a small run.
Result<ThreadPool*> make_once(std::unique_ptr<ThreadPool>& pool, unsigned (*thread_count)(), const ThreadHooks* hooks) {
  static std::mutex& creating = *new std::mutex;
  std::lock_guard lock(creating);
  if (pool == nullptr) {
    SEALEDGE_ASSIGN(pool, ThreadPool::create(thread_count(), hooks));
  }
  return pool.get();
}

unsigned secret_thread_count() {
  const size_t stacks = memlock_limit().available_bytes() / 4 / kSecretStackBytes;
  return static_cast<unsigned>(std::clamp<size_t>(stacks, 1, default_thread_count()));
}

}  // namespace

// The pools are never destroyed: at exit their threads sleep, and every environment has waited for its own work.
Result<ThreadPool*> plain_pool() {
  static std::unique_ptr<ThreadPool>& pool = *new std::unique_ptr<ThreadPool>;
  return make_once(pool, &default_thread_count, nullptr);
}

Result<ThreadPool*> secret_pool() {
  static std::unique_ptr<ThreadPool>& pool = *new std::unique_ptr<ThreadPool>;
  return make_once(pool, &secret_thread_count, &secret_thread_hooks());
}

struct AddonState::Delivery {
  AddonState* state;
  std::function<void(Napi::Env)> deliver;
};

void AddonState::deliver(Napi::Env env, Napi::Function, std::nullptr_t*, Delivery* delivery) {
  std::unique_ptr<Delivery> owned(delivery);
  if (env == nullptr || !can_run_javascript(env)) return;  // the environment is going away
  AddonState* state = owned->state;
  if (--state->undelivered_ == 0) state->completions_.Unref(env);
  owned->deliver(env);
}

AddonState::AddonState(Napi::Env env)
    : completions_(Completions::New(env, "sealedge", 0, 1, static_cast<std::nullptr_t*>(nullptr))) {
  completions_.Unref(env);
}

void AddonState::init(Napi::Env env) {
  auto* state = new AddonState(env);
  env.SetInstanceData<AddonState>(state);
  // Added after the thread-safe function made its own hook, so it runs before that one: pool threads may still call.
  env.AddCleanupHook([state] { state->close(); });
}

AddonState::~AddonState() = default;

void AddonState::close() {
  std::unique_lock lock(mutex_);
  closing_ = true;
  idle_.wait(lock, [&] { return on_pool_ == 0; });
  lock.unlock();
  completions_.Release();
}

void AddonState::post(Napi::Env env, ThreadPool& pool, std::function<void()> work,
                      std::function<void(Napi::Env)> deliver) {
  {
    std::lock_guard lock(mutex_);
    ++on_pool_;
  }
  if (undelivered_++ == 0) completions_.Ref(env);
  auto* delivery = new Delivery{this, std::move(deliver)};
  pool.run_on_pool(
      [this, work = std::move(work)] {
        {
          std::lock_guard lock(mutex_);
          if (closing_) return;
        }
        work();
      },
      [this, delivery] {
        std::unique_lock lock(mutex_);
        // Under the lock: close() must not release the function between the question and the call.
        if (closing_ || completions_.NonBlockingCall(delivery) != napi_ok) delete delivery;
        if (--on_pool_ == 0) idle_.notify_all();
      });
}

}  // namespace sealedge
