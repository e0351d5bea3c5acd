#include "bindings/memory_report.h"

#include "memory/secret_region.h"

namespace sealedge {
namespace {

// SecretMemoryReport of src/types.ts.
Napi::Value report(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const SecretMemoryReport native = secret_memory_report();
  Napi::Object result = Napi::Object::New(env);
  result.Set("level", memory_level_name(native.level));
  result.Set("reason", native.reason);
  result.Set("mappedBytes", static_cast<double>(native.mapped_bytes));
  result.Set("limitBytes", native.limit_bytes == SIZE_MAX
                               ? env.Null()
                               : Napi::Value(Napi::Number::New(env, static_cast<double>(native.limit_bytes))));
  Napi::Array regions = Napi::Array::New(env, native.regions.size());
  for (uint32_t i = 0; i < native.regions.size(); ++i) {
    Napi::Object region = Napi::Object::New(env);
    region.Set("begin", Napi::BigInt::New(env, static_cast<uint64_t>(native.regions[i].begin)));
    region.Set("sizeBytes", static_cast<double>(native.regions[i].size_bytes));
    region.Set("purpose", native.regions[i].purpose);
    regions.Set(i, region);
  }
  result.Set("regions", regions);
  return result;
}

}  // namespace

void init_memory_report(Napi::Env env, Napi::Object exports) {
  exports.Set("secretMemoryReport", Napi::Function::New<report>(env, "secretMemoryReport"));
}

}  // namespace sealedge
