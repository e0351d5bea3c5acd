#include "bindings/session.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "addon/deferred.h"
#include "bindings/args.h"
#include "bindings/async_call.h"
#include "bindings/cancellation.h"
#include "bindings/residency_report.h"
#include "bindings/secret.h"
#include "bindings/session_io.h"
#include "container/open.h"
#include "engine/session.h"
#include "memory/secret_region.h"
#include "memory/secret_stack.h"

namespace sealedge {
namespace {

constexpr napi_type_tag kTag = {0x5345414c45444745ull, 0x53455353494f4e31ull};  // "SEALEDGE" "SESSION1"

using SessionPtr = std::shared_ptr<Session>;

Result<ThreadPool*> pool_of(bool sealed) { return sealed ? secret_pool() : plain_pool(); }

// Owned by the JavaScript object, once it is wrapped. The garbage collector is told of the weights: an object of a few
// bytes that nobody released is collected in time.
struct WrappedSession {
  SessionPtr session;
  int64_t external_bytes;
};

Napi::Value wrap_session(Napi::Env env, SessionPtr session) {
  Napi::Object object = Napi::Object::New(env);
  const auto external_bytes = static_cast<int64_t>(session->report().constant_bytes);
  auto* owned = new WrappedSession{std::move(session), external_bytes};
  const auto finalize = [](napi_env there, void* data, void*) {
    const std::unique_ptr<WrappedSession> wrapped(static_cast<WrappedSession*>(data));
    int64_t now = 0;
    napi_adjust_external_memory(there, -wrapped->external_bytes, &now);
  };
  if (napi_wrap(env, object, owned, finalize, nullptr, nullptr) != napi_ok) {
    delete owned;
    throw_error(env, Error{ErrorCode::kInternal, "a session cannot be wrapped"});
    return env.Undefined();
  }
  int64_t now = 0;
  napi_adjust_external_memory(env, external_bytes, &now);
  if (napi_type_tag_object(env, object, &kTag) != napi_ok) {
    throw_error(env, Error{ErrorCode::kInternal, "a session cannot be tagged"});
    return env.Undefined();
  }
  return object;
}

// Null, and a pending exception, when value is not a session.
SessionPtr unwrap_session(const Napi::Value& value) {
  bool tagged = false;
  void* data = nullptr;
  if (value.IsObject() && napi_check_object_type_tag(value.Env(), value, &kTag, &tagged) == napi_ok && tagged &&
      napi_unwrap(value.Env(), value, &data) == napi_ok) {
    return static_cast<WrappedSession*>(data)->session;
  }
  throw_error(value.Env(), Error{ErrorCode::kOptionInvalid, "session: expected a session", {{"option", "session"}}});
  return nullptr;
}

class CreateCall final : public AsyncCall {
 public:
  std::optional<std::string> path;
  std::vector<uint8_t> bytes;  // a copy: the caller may change its buffer while a pool thread parses
  SecretHandleRef key;
  unsigned threads = 0;  // 0: all of the pool
  ModelLimits limits;

  Result<void> work() override {
    SessionOptions options;
    options.limits = limits;
    SEALEDGE_ASSIGN(ThreadPool * pool, pool_of(sealed()));
    if (threads != 1) options.pool = pool;
    options.max_threads = threads;
    SEALEDGE_ASSIGN(session_, create(options));
    key.reset();
    return {};
  }
  Napi::Value result(Napi::Env env) override { return wrap_session(env, std::move(session_)); }
  bool sealed() const { return static_cast<bool>(key); }

 private:
  Result<SessionPtr> create(const SessionOptions& options) const {
    if (!sealed()) return path ? Session::create_from_file(*path, options) : Session::create_from_bytes(bytes, options);
    SEALEDGE_ASSIGN(const SealedModel model,
                    path ? SealedModel::open_file(*path, key.bytes()) : SealedModel::open_bytes(bytes, key.bytes()));
    return Session::create_from_sealed(model, options);
  }

  SessionPtr session_;
};

// {maxTensorBytes, ...}, each a whole number or left out. False after throwing.
bool read_limits(const Napi::Value& value, ModelLimits* limits) {
  const auto object = object_argument(value, "limits");
  if (!object) return false;
  const std::pair<const char*, size_t*> members[] = {{"maxTensorBytes", &limits->max_tensor_bytes},
                                                     {"maxConstantBytes", &limits->max_constant_bytes},
                                                     {"maxDerivedBytes", &limits->max_derived_bytes},
                                                     {"maxArenaBytes", &limits->max_arena_bytes},
                                                     {"maxNodes", &limits->max_nodes},
                                                     {"maxGraphDepth", &limits->max_graph_depth}};
  for (const auto& [name, limit] : members) {
    const Napi::Value member = object->Get(name);
    if (member.IsUndefined()) continue;
    const auto number = number_argument(member, name);
    if (!number) return false;
    *limit = static_cast<size_t>(std::min(std::max(*number, 0.0), 9007199254740991.0));  // 2^53 - 1
  }
  return true;
}

// createSession({path} | {bytes}, key | undefined, threads, limits)
Napi::Value create_session(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto source = object_argument(info[0], "model");
  const auto threads = source ? number_argument(info[2], "threads") : std::nullopt;
  if (!threads) return env.Undefined();
  auto call = std::make_unique<CreateCall>();
  if (!read_limits(info[3], &call->limits)) return env.Undefined();
  call->threads = static_cast<unsigned>(std::min(std::max(*threads, 0.0), 1024.0));
  const Napi::Value path = source->Get("path");
  if (path.IsUndefined()) {
    const auto bytes = bytes_argument(source->Get("bytes"), "model bytes");
    if (!bytes) return env.Undefined();
    call->bytes.assign(bytes->begin(), bytes->end());
  } else {
    call->path = string_argument(path, "model path");
    if (!call->path) return env.Undefined();
  }
  if (!info[1].IsUndefined()) {
    Result<SecretHandleRef> key = secret_from_value(info[1]);
    if (!key.ok()) {
      throw_error(env, key.error());
      return env.Undefined();
    }
    call->key = std::move(*key);
  }
  const bool sealed = call->sealed();
  return run_async(env, pool_of(sealed), std::move(call));
}

class RunCall final : public AsyncCall {
 public:
  SessionPtr session;
  std::vector<OwnedInput> inputs;
  std::vector<RunOutput> outputs;
  Cancellation cancellation;  // may be empty

  Result<void> work() override { return session->run(views(), outputs, {cancellation.get()}); }
  // On this thread, a sealed model on a secret stack.
  Result<void> work_here() {
    if (!session->sealed()) return work();
    Result<void> outcome;
    SEALEDGE_TRY(run_on_secret_stack([&] { outcome = work(); }));
    return outcome;
  }
  bool expected_brief() const { return session->expects_brief_run(views()); }
  Napi::Value result(Napi::Env env) override { return outputs_to_js(env, outputs); }

 private:
  std::vector<RunInput> views() const {
    std::vector<RunInput> views;
    views.reserve(inputs.size());
    for (const OwnedInput& input : inputs) views.push_back(input.view());
    return views;
  }
};

Napi::Value settled(Napi::Env env, const Result<void>& outcome, RunCall& call) {
  const Deferred deferred(env);
  if (!outcome.ok()) {
    deferred.reject(to_js_error(env, outcome.error()).Value());
    return deferred.promise();
  }
  const Napi::Value value = call.result(env);
  if (env.IsExceptionPending()) {
    deferred.reject(env.GetAndClearPendingException().Value());
  } else {
    deferred.resolve(value);
  }
  return deferred.promise();
}

// runSession(session, inputs, outputs, cancellation?): a promise. Inputs of a run on another thread are copied:
// JavaScript may change or transfer their buffers while it is under way. A run that will be over before a thread could
// wake is done here and now.
Napi::Value run_session(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto call = std::make_unique<RunCall>();
  call->session = unwrap_session(info[0]);
  std::optional<Cancellation> cancellation = cancellation_argument(info[3]);
  if (call->session == nullptr || !cancellation || !read_outputs(info[2], &call->outputs, nullptr) ||
      !read_inputs(info[1], &call->inputs)) {
    return env.Undefined();
  }
  call->cancellation = std::move(*cancellation);
  if (call->expected_brief()) return settled(env, call->work_here(), *call);
  for (OwnedInput& input : call->inputs) input.own();
  Result<ThreadPool*> pool = pool_of(call->session->sealed());
  return run_async(env, std::move(pool), std::move(call));
}

// runSessionSync(session, inputs, outputs): computes on this thread, a sealed model on a secret stack. Inputs are read
// where they lie, and outputs written where they are wanted.
Napi::Value run_session_sync(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  RunCall call;
  call.session = unwrap_session(info[0]);
  std::vector<Napi::Value> targets;
  if (call.session == nullptr || !read_outputs(info[2], &call.outputs, &targets) ||
      !read_inputs(info[1], &call.inputs) || !read_targets(targets, &call.outputs)) {
    return env.Undefined();
  }
  const Result<void> outcome = call.work_here();
  if (!outcome.ok()) {
    throw_error(env, outcome.error());
    return env.Undefined();
  }
  return call.result(env);
}

class ReleaseCall final : public AsyncCall {
 public:
  explicit ReleaseCall(SessionPtr session) : session_(std::move(session)) {}
  // Waits for runs under way. Runs queued before this call were queued before it on the same pool, so they come first.
  Result<void> work() override {
    session_->release();
    return {};
  }
  Napi::Value result(Napi::Env env) override { return env.Undefined(); }

 private:
  SessionPtr session_;
};

Napi::Value release_session(const Napi::CallbackInfo& info) {
  SessionPtr session = unwrap_session(info[0]);
  if (session == nullptr) return info.Env().Undefined();
  Result<ThreadPool*> pool = pool_of(session->sealed());
  return run_async(info.Env(), std::move(pool), std::make_unique<ReleaseCall>(std::move(session)));
}

// sessionMetadata(session): {inputs, outputs, sealed}
Napi::Value session_metadata(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const SessionPtr session = unwrap_session(info[0]);
  if (session == nullptr) return env.Undefined();
  Napi::Object result = Napi::Object::New(env);
  result.Set("inputs", metadata_to_js(env, session->inputs()));
  result.Set("outputs", metadata_to_js(env, session->outputs()));
  result.Set("sealed", session->sealed());
  return result;
}

Napi::Value session_report(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const SessionPtr session = unwrap_session(info[0]);
  if (session == nullptr) return env.Undefined();
  const SessionReport report = session->report();
  const auto number = [&](size_t value) { return Napi::Number::New(env, static_cast<double>(value)); };
  Napi::Object result = Napi::Object::New(env);
  result.Set("level", report.sealed ? memory_level_name(secret_memory_level()) : "ordinary");
  result.Set("isa", report.isa);
  result.Set("constantBytes", number(report.constant_bytes));
  result.Set("secretBytes", number(report.secret_bytes));
  result.Set("arenaBytes", number(report.arena_bytes));
  result.Set("peakArenaBytes", number(report.peak_arena_bytes));
  result.Set("repackedWeights", number(report.repacked_weights));
  result.Set("nodeCount", number(report.node_count));
  result.Set("stepCount", number(report.step_count));
  return result;
}

class ResidencyCall final : public AsyncCall {
 public:
  SessionPtr session;
  SecretHandleRef key;
  bool scan = false;

  Result<void> work() override {
    ResidencyRequest request;
    request.scan = scan;
    if (key) request.key = key.bytes();
    SEALEDGE_ASSIGN(report_, session->residency(request));
    key.reset();
    return {};
  }
  Napi::Value result(Napi::Env env) override { return residency_to_js(env, report_); }

 private:
  ResidencyReport report_;
};

// sessionResidency(session, scan, key | undefined): a promise of a report.
Napi::Value session_residency(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto call = std::make_unique<ResidencyCall>();
  call->session = unwrap_session(info[0]);
  if (call->session == nullptr) return env.Undefined();
  call->scan = info[1].ToBoolean();
  if (!info[2].IsUndefined()) {
    Result<SecretHandleRef> key = secret_from_value(info[2]);
    if (!key.ok()) {
      throw_error(env, key.error());
      return env.Undefined();
    }
    call->key = std::move(*key);
  }
  // Always on secret stacks: probes of a plain model are looked for in the same way.
  return run_async(env, secret_pool(), std::move(call));
}

}  // namespace

void init_session(Napi::Env env, Napi::Object exports) {
  exports.Set("createSession", Napi::Function::New<create_session>(env, "createSession"));
  exports.Set("runSession", Napi::Function::New<run_session>(env, "runSession"));
  exports.Set("runSessionSync", Napi::Function::New<run_session_sync>(env, "runSessionSync"));
  exports.Set("releaseSession", Napi::Function::New<release_session>(env, "releaseSession"));
  exports.Set("sessionMetadata", Napi::Function::New<session_metadata>(env, "sessionMetadata"));
  exports.Set("sessionResidency", Napi::Function::New<session_residency>(env, "sessionResidency"));
  exports.Set("takeBytes", Napi::Function::New<take_bytes>(env, "takeBytes"));
  exports.Set("sessionReport", Napi::Function::New<session_report>(env, "sessionReport"));
}

}  // namespace sealedge
