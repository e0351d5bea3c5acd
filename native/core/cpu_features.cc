#include "core/cpu_features.h"

#include <cstdlib>
#include <cstring>
#include <initializer_list>

#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace sealedge {
namespace {

CpuFeatures detect() {
  CpuFeatures found;
#if defined(SEALEDGE_SCALAR_ONLY)
  // No ISA file is in this build.
#elif defined(__x86_64__)
  // __builtin_cpu_supports also asks the operating system (XGETBV) whether it saves the wide registers.
  __builtin_cpu_init();
  found.sse42 = __builtin_cpu_supports("sse4.2");
  found.fma = __builtin_cpu_supports("fma");
  found.avx2 = __builtin_cpu_supports("avx2") && found.fma && __builtin_cpu_supports("f16c");
  found.avx512 = found.avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                 __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  found.avx512_vnni = found.avx512 && __builtin_cpu_supports("avx512vnni");
  found.avx_vnni = found.avx2 && __builtin_cpu_supports("avxvnni");
#elif defined(__aarch64__)
  const unsigned long capabilities = getauxval(AT_HWCAP);
  found.neon = (capabilities & HWCAP_ASIMD) != 0;
  found.dotprod = found.neon && (capabilities & HWCAP_ASIMDDP) != 0;
#endif
  return found;
}

Isa best_isa(const CpuFeatures& found) {
  if (found.avx512_vnni) return Isa::kVnni;
  if (found.avx512) return Isa::kAvx512;
  if (found.avx2) return Isa::kAvx2;
  if (found.dotprod) return Isa::kDotprod;
  if (found.neon) return Isa::kNeon;
  return Isa::kScalar;
}

bool has(const CpuFeatures& found, Isa isa) {
  switch (isa) {
    case Isa::kScalar:
      return true;
    case Isa::kAvx2:
      return found.avx2;
    case Isa::kAvx512:
      return found.avx512;
    case Isa::kVnni:
      return found.avx512_vnni;
    case Isa::kNeon:
      return found.neon;
    case Isa::kDotprod:
      return found.dotprod;
  }
  return false;
}

struct Active {
  Isa isa;
  CpuFeatures features;
};

Active choose() {
  const CpuFeatures found = detect();
  Active active{best_isa(found), found};
  if (const char* forced = std::getenv("SEALEDGE_ISA")) {
    for (Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512, Isa::kVnni, Isa::kNeon, Isa::kDotprod}) {
      if (std::strcmp(forced, isa_name(isa)) == 0 && has(found, isa)) active.isa = isa;
    }
  }
  if (active.isa == Isa::kScalar) active.features = CpuFeatures{};
  if (active.isa == Isa::kAvx2) active.features.avx512 = active.features.avx512_vnni = active.features.avx_vnni = false;
  if (active.isa == Isa::kAvx512) active.features.avx512_vnni = active.features.avx_vnni = false;
  if (active.isa == Isa::kNeon) active.features.dotprod = false;
  return active;
}

const Active& active() {
  static const Active chosen = choose();
  return chosen;
}

}  // namespace

Isa active_isa() { return active().isa; }
const CpuFeatures& cpu_features() { return active().features; }

const char* isa_name(Isa isa) {
  switch (isa) {
    case Isa::kScalar:
      return "scalar";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvx512:
      return "avx512";
    case Isa::kVnni:
      return "vnni";
    case Isa::kNeon:
      return "neon";
    case Isa::kDotprod:
      return "dotprod";
  }
  return "scalar";
}

}  // namespace sealedge
