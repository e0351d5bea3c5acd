// N-API: one object for each context, one promise for each job.
#include <napi.h>

#include <cstdlib>
#include <functional>

#include "addon/can_run_javascript.h"
#include "addon/deferred.h"
#include "context.h"
#include "convert.h"
#include "worker.h"

namespace sealedge::tpm {
namespace {

// Back to JavaScript: one function for all contexts of an environment; keeps the event loop alive while jobs are under
// way.
class Completions {
 public:
  explicit Completions(Napi::Env env) : function_(Function::New(env, "tpm2-tss", 0, 1, nullptr)) {
    function_.Unref(env);
  }
  void begin(Napi::Env env) {
    if (pending_++ == 0) function_.Ref(env);
  }
  void end(Napi::Env env) {
    if (--pending_ == 0) function_.Unref(env);
  }
  void deliver(std::unique_ptr<Job> job);
  void close() {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }

 private:
  static void call(Napi::Env env, Napi::Function, std::nullptr_t*, Job* job);
  using Function = Napi::TypedThreadSafeFunction<std::nullptr_t, Job, &Completions::call>;
  Function function_;
  size_t pending_ = 0;  // JavaScript thread only
  std::mutex mutex_;
  bool closing_ = false;
};

struct Connection {
  std::shared_ptr<Context> context;
  std::shared_ptr<Worker> worker;
};

// What a context that JavaScript forgot to close still does: flush and disconnect.
class ForgottenClose : public Job {
 public:
  explicit ForgottenClose(std::shared_ptr<Context> context) : context_(std::move(context)) {}
  void run() override { context_->close(); }
  void refuse(Error) override {}

 protected:
  void deliver(std::unique_ptr<Job>) override {}

 private:
  std::shared_ptr<Context> context_;
};

// What an environment (the main thread or a worker thread of Node) has of this addon.
struct Addon {
  explicit Addon(Napi::Env env) : completions(std::make_shared<Completions>(env)) {}
  // When the environment goes away. The function to JavaScript is destroyed right after: nothing may call it any more.
  // Memory is wiped at exit: no thread may still be at work in it.
  void close() {
    completions->close();
    for (const auto& [weak_worker, weak_context] : connections) {
      const auto worker = weak_worker.lock();
      const auto context = weak_context.lock();
      if (worker && context) worker->abandon(std::make_unique<ForgottenClose>(context), std::chrono::seconds(2));
    }
  }
  static Addon& of(Napi::Env env) { return *env.GetInstanceData<Addon>(); }
  void watch(const Connection& connection) {
    std::erase_if(connections, [](const auto& entry) { return entry.first.expired(); });
    connections.emplace_back(connection.worker, connection.context);
  }
  std::shared_ptr<Completions> completions;
  Napi::FunctionReference context_class;
  std::vector<std::pair<std::weak_ptr<Worker>, std::weak_ptr<Context>>> connections;
};

// A job whose result settles a promise.
class PromiseJob : public Job {
 public:
  explicit PromiseJob(Napi::Env env) : deferred_(env), completions_(Addon::of(env).completions) {
    completions_->begin(env);
  }
  Napi::Value promise() const { return deferred_.promise(); }
  void refuse(Error error) override { error_ = std::move(error); }
  // On the JavaScript thread.
  void settle(Napi::Env env) {
    completions_->end(env);
    if (error_) {
      deferred_.reject(to_js(env, *error_).Value());
      return;
    }
    const Napi::Value value = result(env);
    if (env.IsExceptionPending()) {
      deferred_.reject(env.GetAndClearPendingException().Value());
    } else {
      deferred_.resolve(value);
    }
  }

 protected:
  virtual Napi::Value result(Napi::Env env) = 0;
  void deliver(std::unique_ptr<Job> self) override { completions_->deliver(std::move(self)); }
  std::optional<Error> error_;

 private:
  Deferred deferred_;
  std::shared_ptr<Completions> completions_;
};

void Completions::deliver(std::unique_ptr<Job> job) {
  const std::lock_guard lock(mutex_);
  // The environment is going away: nobody waits, the job (with its secrets) is destroyed here.
  if (closing_) return;
  Job* delivered = job.release();
  if (function_.NonBlockingCall(delivered) != napi_ok) job.reset(delivered);
}

void Completions::call(Napi::Env env, Napi::Function, std::nullptr_t*, Job* raw) {
  const std::unique_ptr<Job> job(raw);
  if (env == nullptr) return;
  const Napi::HandleScope scope(env);
  if (!can_run_javascript(env)) return;  // the environment is going away
  static_cast<PromiseJob*>(job.get())->settle(env);
}

// Runs a function on the worker and converts what it returns.
template <typename T>
class CallJob : public PromiseJob {
 public:
  using Work = std::function<Result<T>()>;
  CallJob(Napi::Env env, Work work) : PromiseJob(env), work_(std::move(work)) {}
  void run() override {
    Result<T> outcome = work_();
    if (!outcome.ok()) {
      error_ = std::move(outcome).error();
    } else if constexpr (!std::is_void_v<T>) {
      value_.emplace(std::move(*outcome));
    }
    // Parameters with secrets go now, not with the garbage collector.
    work_ = nullptr;
  }

 protected:
  Napi::Value result(Napi::Env env) override {
    if constexpr (std::is_void_v<T>) {
      return env.Undefined();
    } else {
      return to_js(env, std::move(*value_));
    }
  }

 private:
  Work work_;
  std::optional<std::conditional_t<std::is_void_v<T>, std::monostate, T>> value_;
};

Napi::Value rejected(Napi::Env env, const Error& error) {
  const Deferred deferred(env);
  deferred.reject(to_js(env, error).Value());
  return deferred.promise();
}

class NativeContext : public Napi::ObjectWrap<NativeContext> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "NativeContext",
        {InstanceMethod<&NativeContext::execute>("execute"),
         InstanceMethod<&NativeContext::start_session>("startSession"),
         InstanceMethod<&NativeContext::flush_session>("flushSession"),
         InstanceMethod<&NativeContext::flush_object>("flushObject"), InstanceMethod<&NativeContext::close>("close")});
  }
  explicit NativeContext(const Napi::CallbackInfo& info) : ObjectWrap(info) {}
  ~NativeContext() override {
    if (connection_.worker) connection_.worker->post(std::make_unique<ForgottenClose>(connection_.context));
  }
  void adopt(Connection connection) { connection_ = std::move(connection); }

 private:
  template <typename T>
  Napi::Value post(Napi::Env env, std::function<Result<T>()> work) {
    if (!connection_.worker) return rejected(env, {ErrorCode::kTpmUnavailable, "the context is closed"});
    auto job = std::make_unique<CallJob<T>>(env, std::move(work));
    const Napi::Value promise = job->promise();
    connection_.worker->post(std::move(job));
    return promise;
  }

  Napi::Value execute(const Napi::CallbackInfo& info) {
    Result<CommandRequest> request = to_command_request(info[0]);
    if (!request.ok()) return rejected(info.Env(), request.error());
    auto shared = std::make_shared<CommandRequest>(std::move(*request));
    return post<Reply>(info.Env(), [context = connection_.context, shared] { return context->execute(*shared); });
  }
  Napi::Value start_session(const Napi::CallbackInfo& info) {
    Result<SessionRequest> request = to_session_request(info[0]);
    if (!request.ok()) return rejected(info.Env(), request.error());
    auto shared = std::make_shared<SessionRequest>(std::move(*request));
    return post<StartedSession>(info.Env(),
                                [context = connection_.context, shared] { return context->start_session(*shared); });
  }
  Napi::Value flush_session(const Napi::CallbackInfo& info) {
    const Result<uint64_t> id = to_session_id(info[0]);
    if (!id.ok()) return rejected(info.Env(), id.error());
    // A closed context has flushed everything.
    if (!connection_.worker) return resolved(info.Env());
    return post<void>(info.Env(), [context = connection_.context, id = *id]() -> Result<void> {
      context->flush_session(id);
      return {};
    });
  }
  Napi::Value flush_object(const Napi::CallbackInfo& info) {
    Result<Handle> object = to_handle(info[0]);
    if (!object.ok()) return rejected(info.Env(), object.error());
    if (!connection_.worker) return resolved(info.Env());
    return post<void>(info.Env(), [context = connection_.context, object = std::move(*object)]() -> Result<void> {
      context->flush_object(object);
      return {};
    });
  }
  Napi::Value close(const Napi::CallbackInfo& info) {
    if (!connection_.worker) return resolved(info.Env());
    const Napi::Value promise = post<void>(info.Env(), [context = connection_.context]() -> Result<void> {
      context->close();
      return {};
    });
    // Jobs posted before run first; none can be posted after, and the thread ends.
    connection_ = {};
    return promise;
  }
  static Napi::Value resolved(Napi::Env env) {
    const Deferred deferred(env);
    deferred.resolve(env.Undefined());
    return deferred.promise();
  }

  Connection connection_;
};

class OpenJob : public PromiseJob {
 public:
  OpenJob(Napi::Env env, Connection connection) : PromiseJob(env), connection_(std::move(connection)) {}
  void run() override {
    if (Result<void> opened = connection_.context->open(); !opened.ok()) error_ = std::move(opened).error();
  }

 protected:
  Napi::Value result(Napi::Env env) override {
    const Napi::Object object = Addon::of(env).context_class.New({});
    if (object.IsEmpty()) return {};  // of an empty object nothing can be asked
    Napi::ObjectWrap<NativeContext>::Unwrap(object)->adopt(std::move(connection_));
    return object;
  }

 private:
  Connection connection_;
};

Napi::Value open(const Napi::CallbackInfo& info) {
  Result<ContextOptions> options = to_context_options(info[0]);
  if (!options.ok()) return rejected(info.Env(), options.error());
  Result<std::unique_ptr<Worker>> started = Worker::start();
  if (!started.ok()) return rejected(info.Env(), started.error());
  const Connection connection{std::make_shared<Context>(std::move(*options)), std::move(*started)};
  Addon::of(info.Env()).watch(connection);
  auto job = std::make_unique<OpenJob>(info.Env(), connection);
  const Napi::Value promise = job->promise();
  connection.worker->post(std::move(job));
  return promise;
}

Napi::Value memory_report(const Napi::CallbackInfo& info) { return secret_memory_report_to_js(info.Env()); }

// For process.exit(), which does not run the hooks of the main environment.
Napi::Value shut_down(const Napi::CallbackInfo& info) {
  Addon::of(info.Env()).close();
  return info.Env().Undefined();
}

// libtss2 writes every TPM error to standard error unless told not to; here errors reach the caller, and libraries do
// not print.
void quiet_libtss2() {
  constexpr int kUnlessSet = 0;
  setenv("TSS2_LOG", "all+NONE", kUnlessSet);
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  quiet_libtss2();
  auto* addon = new Addon(env);
  addon->context_class = Napi::Persistent(NativeContext::define(env));
  env.SetInstanceData(addon);
  // Hooks run last first: this one before that of the function in completions, which was made earlier.
  env.AddCleanupHook([](Addon* closing) { closing->close(); }, addon);
  exports.Set("open", Napi::Function::New<open>(env, "open"));
  exports.Set("shutDown", Napi::Function::New<shut_down>(env, "shutDown"));
  exports.Set("secretMemoryReport", Napi::Function::New<memory_report>(env, "secretMemoryReport"));
  return exports;
}

}  // namespace

NODE_API_MODULE(tpm2_tss, init)

}  // namespace sealedge::tpm
