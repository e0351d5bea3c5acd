#include "bindings/residency_report.h"

namespace sealedge {
namespace {

Napi::Number number(Napi::Env env, size_t value) { return Napi::Number::New(env, static_cast<double>(value)); }

Napi::Value scan_to_js(Napi::Env env, const ResidencyReport& report) {
  if (!report.scan) return env.Null();
  const SelfScanReport& scan = *report.scan;
  Napi::Array hits = Napi::Array::New(env, scan.hits.size());
  for (uint32_t i = 0; i < scan.hits.size(); ++i) {
    const SelfScanHit& hit = scan.hits[i];
    Napi::Object object = Napi::Object::New(env);
    object.Set("probe", hit.probe < report.probes.size() ? report.probes[hit.probe] : "");
    object.Set("address", Napi::BigInt::New(env, static_cast<uint64_t>(hit.address)));
    object.Set("mapping", hit.mapping);
    hits.Set(i, object);
  }
  Napi::Object result = Napi::Object::New(env);
  result.Set("probes", number(env, report.probes.size()));
  result.Set("mappings", number(env, scan.mappings));
  result.Set("bytesRead", number(env, scan.bytes_read));
  result.Set("unreadableBytes", number(env, scan.unreadable_bytes));
  result.Set("hitCount", number(env, scan.hit_count));
  result.Set("hits", hits);
  result.Set("controlFound", scan.control_found);
  return result;
}

}  // namespace

Napi::Value residency_to_js(Napi::Env env, const ResidencyReport& report) {
  Napi::Array forms = Napi::Array::New(env, report.forms.size());
  for (uint32_t i = 0; i < report.forms.size(); ++i) {
    Napi::Object form = Napi::Object::New(env);
    form.Set("form", report.forms[i].name);
    form.Set("tensors", number(env, report.forms[i].tensors));
    form.Set("bytes", number(env, report.forms[i].size_bytes));
    forms.Set(i, form);
  }
  Napi::Object result = Napi::Object::New(env);
  result.Set("weightBytes", number(env, report.weight_bytes));
  result.Set("secretBytes", number(env, report.secret_bytes));
  result.Set("forms", forms);
  result.Set("arenaBytes", number(env, report.arena_bytes));
  result.Set("arenaIsSecret", report.arena_is_secret);
  result.Set("scan", scan_to_js(env, report));
  return result;
}

}  // namespace sealedge
