#include "bindings/runtime_info.h"

#include "core/cpu_features.h"
#include "core/thread_pool.h"
#include "crypto/libcrypto.h"
#include "kernels/dispatch.h"

namespace sealedge {
namespace {

// RuntimeInfo of src/types.ts.
Napi::Value runtime_info(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const CpuFeatures& features = cpu_features();
  Napi::Object result = Napi::Object::New(env);
  result.Set("isa", active_kernels().isa);
  Napi::Array names = Napi::Array::New(env);
  const auto add = [&](bool present, const char* name) {
    if (present) names.Set(names.Length(), name);
  };
  add(features.sse42, "sse4.2");
  add(features.avx2, "avx2");
  add(features.fma, "fma");
  add(features.avx512, "avx512");
  add(features.avx512_vnni, "avx512vnni");
  add(features.avx_vnni, "avxvnni");
  add(features.neon, "neon");
  add(features.dotprod, "dotprod");
  result.Set("features", names);
  result.Set("threads", default_thread_count());
  result.Set("libcrypto", libcrypto_version());
#if defined(SEALEDGE_TEST_HOOKS)
  result.Set("testHooks", true);
#else
  result.Set("testHooks", false);
#endif
  return result;
}

}  // namespace

void init_runtime_info(Napi::Env env, Napi::Object exports) {
  exports.Set("runtimeInfo", Napi::Function::New<runtime_info>(env, "runtimeInfo"));
}

}  // namespace sealedge
