#include "bindings/container.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <string>

#include "bindings/args.h"
#include "bindings/async_call.h"
#include "container/open.h"
#include "memory/secure_buffer.h"
#include "sealing/compare.h"
#include "sealing/seal.h"
#include "sealing/seal_plan.h"
#include "sealing/unseal.h"

namespace sealedge {
namespace {

constexpr napi_type_tag kPlanTag = {0x7365616c65646765ULL, 0x706c616e00000001ULL};

// A plan is written by one call at a time; the watcher reads progress meanwhile.
struct NativePlan {
  SealPlan plan;
  SealProgress progress;
  std::atomic<bool> busy{false};
};
using PlanRef = std::shared_ptr<NativePlan>;

std::optional<PlanRef> plan_argument(const Napi::Value& value) {
  if (value.IsExternal()) {
    const auto external = value.As<Napi::External<PlanRef>>();
    if (external.CheckTypeTag(&kPlanTag)) return *external.Data();
  }
  throw_error(value.Env(), Error{ErrorCode::kOptionInvalid, "plan: expected what planSeal returned"});
  return std::nullopt;
}

Result<SecureBuffer> secret_copy(std::span<const uint8_t> bytes, const char* purpose) {
  SEALEDGE_ASSIGN(SecureBuffer copy, SecureBuffer::allocate(bytes.size(), purpose));
  std::memcpy(copy.data(), bytes.data(), bytes.size());
  return copy;
}

Napi::Buffer<uint8_t> to_buffer(Napi::Env env, std::span<const uint8_t> bytes) {
  return Napi::Buffer<uint8_t>::Copy(env, bytes.data(), bytes.size());
}

class PlanCall final : public AsyncCall {
 public:
  explicit PlanCall(std::string path) : path_(std::move(path)) {}

  Result<void> work() override {
    SEALEDGE_ASSIGN(SealPlan plan, plan_seal(path_));
    ref_ = std::make_shared<NativePlan>();
    ref_->plan = std::move(plan);
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    const auto external =
        Napi::External<PlanRef>::New(env, new PlanRef(ref_), [](Napi::Env, PlanRef* ref) { delete ref; });
    external.TypeTag(&kPlanTag);
    return external;
  }

 private:
  std::string path_;
  PlanRef ref_;
};

class WriteCall final : public AsyncCall {
 public:
  WriteCall(PlanRef ref, SealTarget target, SecureBuffer key)
      : ref_(std::move(ref)), target_(target), key_(std::move(key)) {}
  ~WriteCall() override { ref_->busy = false; }

  Result<void> work() override {
    SEALEDGE_ASSIGN(segments_, write_segments(&ref_->plan, target_, key_.span().first<32>(), &ref_->progress));
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    Napi::Array out = Napi::Array::New(env, segments_.size());
    for (uint32_t i = 0; i < segments_.size(); ++i) {
      const SegmentInfo& segment = segments_[i];
      Napi::Object item = Napi::Object::New(env);
      item.Set("kind", segment.kind == SegmentKind::kGraph ? "graph" : "weights");
      item.Set("id", to_buffer(env, segment.id));
      item.Set("offset", static_cast<double>(segment.offset_bytes));
      item.Set("length", static_cast<double>(segment.length_bytes));
      item.Set("tag", to_buffer(env, segment.tag));
      item.Set("sha256", to_buffer(env, segment.sha256));
      out.Set(i, item);
    }
    return out;
  }

 private:
  PlanRef ref_;
  SealTarget target_;
  SecureBuffer key_;
  std::vector<SegmentInfo> segments_;
};

class UnsealCall final : public AsyncCall {
 public:
  UnsealCall(std::string path, SecureBuffer payload, int fd)
      : path_(std::move(path)), payload_(std::move(payload)), fd_(fd) {}

  Result<void> work() override {
    SEALEDGE_ASSIGN(const SealedModel model, SealedModel::open_file(path_, payload_.span()));
    SEALEDGE_ASSIGN(report_, unseal_model(model, fd_));
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    Napi::Object out = Napi::Object::New(env);
    out.Set("tensors", static_cast<double>(report_.tensors));
    out.Set("sealedTensors", static_cast<double>(report_.sealed_tensors));
    out.Set("modelBytes", static_cast<double>(report_.model_bytes));
    return out;
  }

 private:
  std::string path_;
  SecureBuffer payload_;
  int fd_;
  UnsealReport report_;
};

class CompareCall final : public AsyncCall {
 public:
  CompareCall(std::string path, std::string original) : path_(std::move(path)), original_(std::move(original)) {}

  Result<void> work() override {
    SEALEDGE_ASSIGN(report_, compare_models(path_, original_));
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    Napi::Object out = Napi::Object::New(env);
    out.Set("tensors", static_cast<double>(report_.tensors));
    out.Set("tensorBytes", static_cast<double>(report_.tensor_bytes));
    return out;
  }

 private:
  std::string path_;
  std::string original_;
  CompareReport report_;
};

// planSeal(path): Promise<plan>
Napi::Value plan_seal_binding(const Napi::CallbackInfo& info) {
  const auto path = string_argument(info[0], "path");
  if (!path.has_value()) return info.Env().Undefined();
  return run_async(info.Env(), plain_pool(), std::make_unique<PlanCall>(*path));
}

// sealPlanFacts(plan): {segmentLengths, tensors, sealedTensors, tensorBytes, unsupported}
Napi::Value seal_plan_facts(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto ref = plan_argument(info[0]);
  if (!ref.has_value()) return env.Undefined();
  const SealPlan& plan = (*ref)->plan;
  Napi::Array lengths = Napi::Array::New(env, plan.segments.size() + 1);
  lengths.Set(0U, static_cast<double>(plan.graph_length_bytes));
  for (uint32_t i = 0; i < plan.segments.size(); ++i)
    lengths.Set(i + 1, static_cast<double>(plan.segments[i].length_bytes));
  double sealed_tensors = 0;
  for (const PlannedTensor& tensor : plan.tensors) sealed_tensors += tensor.sealed.placements.empty() ? 0 : 1;
  Napi::Object out = Napi::Object::New(env);
  out.Set("segmentLengths", lengths);
  out.Set("tensors", static_cast<double>(plan.tensors.size()));
  out.Set("sealedTensors", sealed_tensors);
  out.Set("tensorBytes", static_cast<double>(plan.tensor_bytes));
  out.Set("unsupported", plan.unsupported);
  return out;
}

// writeSegments(plan, fd, dataOffset, contentKey, threads): Promise<segments>
Napi::Value write_segments_binding(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto ref = plan_argument(info[0]);
  if (!ref.has_value()) return env.Undefined();
  const auto fd = number_argument(info[1], "fd");
  const auto data_offset = number_argument(info[2], "dataOffset");
  if (!fd.has_value() || !data_offset.has_value()) return env.Undefined();
  const auto key = bytes_argument(info[3], "contentKey");
  const auto threads = number_argument(info[4], "threads");
  if (!key.has_value() || !threads.has_value()) return env.Undefined();
  if (key->size() != 32 || (*ref)->busy) {
    throw_error(env,
                Error{ErrorCode::kOptionInvalid, "writeSegments: expected a content key of 32 bytes and an idle plan"});
    return env.Undefined();
  }
  auto copy = secret_copy(*key, "content key");
  if (!copy.ok()) {
    throw_error(env, copy.error());
    return env.Undefined();
  }
  (*ref)->busy = true;
  (*ref)->progress.done_bytes = 0;
  (*ref)->progress.cancelled = false;
  // Clamped: a double that an integer cannot hold has no conversion (NaN fails every comparison).
  const double wanted_threads = *threads >= 1 ? std::min(*threads, 1024.0) : 1;
  const SealTarget target{.fd = static_cast<int>(*fd),
                          .data_offset_bytes = static_cast<uint64_t>(*data_offset),
                          .threads = static_cast<unsigned>(wanted_threads)};
  return run_async(env, plain_pool(), std::make_unique<WriteCall>(*ref, target, std::move(*copy)));
}

// sealProgress(plan): bytes of segments written so far
Napi::Value seal_progress(const Napi::CallbackInfo& info) {
  const auto ref = plan_argument(info[0]);
  if (!ref.has_value()) return info.Env().Undefined();
  return Napi::Number::New(info.Env(), static_cast<double>((*ref)->progress.done_bytes.load()));
}

// cancelSeal(plan): the promise of writeSegments rejects with ERR_CANCELLED
Napi::Value cancel_seal(const Napi::CallbackInfo& info) {
  const auto ref = plan_argument(info[0]);
  if (ref.has_value()) (*ref)->progress.cancelled = true;
  return info.Env().Undefined();
}

// unsealFile(path, keyPayload, fd): Promise<{tensors, sealedTensors, modelBytes}>; fd -1 only checks
Napi::Value unseal_file(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto path = string_argument(info[0], "path");
  if (!path.has_value()) return env.Undefined();
  const auto payload = bytes_argument(info[1], "keyPayload");
  const auto fd = number_argument(info[2], "fd");
  if (!payload.has_value() || !fd.has_value()) return env.Undefined();
  if (payload->size() != kKeyPayloadBytes) {
    throw_error(env, Error{ErrorCode::kKeyPayloadInvalid, "key payload: expected 104 bytes"});
    return env.Undefined();
  }
  auto copy = secret_copy(*payload, "key payload");
  if (!copy.ok()) {
    throw_error(env, copy.error());
    return env.Undefined();
  }
  return run_async(env, plain_pool(), std::make_unique<UnsealCall>(*path, std::move(*copy), static_cast<int>(*fd)));
}

// compareModels(path, originalPath): Promise<{tensors, tensorBytes}>
Napi::Value compare_models_binding(const Napi::CallbackInfo& info) {
  const auto path = string_argument(info[0], "path");
  if (!path.has_value()) return info.Env().Undefined();
  const auto original = string_argument(info[1], "originalPath");
  if (!original.has_value()) return info.Env().Undefined();
  return run_async(info.Env(), plain_pool(), std::make_unique<CompareCall>(*path, *original));
}

}  // namespace

void init_container(Napi::Env env, Napi::Object exports) {
  exports.Set("planSeal", Napi::Function::New<plan_seal_binding>(env, "planSeal"));
  exports.Set("sealPlanFacts", Napi::Function::New<seal_plan_facts>(env, "sealPlanFacts"));
  exports.Set("writeSegments", Napi::Function::New<write_segments_binding>(env, "writeSegments"));
  exports.Set("sealProgress", Napi::Function::New<seal_progress>(env, "sealProgress"));
  exports.Set("cancelSeal", Napi::Function::New<cancel_seal>(env, "cancelSeal"));
  exports.Set("unsealFile", Napi::Function::New<unseal_file>(env, "unsealFile"));
  exports.Set("compareModels", Napi::Function::New<compare_models_binding>(env, "compareModels"));
}

}  // namespace sealedge
