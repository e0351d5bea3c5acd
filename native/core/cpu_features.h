// What the CPU offers, and which instruction set kernels may use. Read once; only kernels/dispatch.cc and the reports
// ask.
#pragma once

namespace sealedge {

// kVnni: AVX-512 with the dot products of bytes (AVX512_VNNI). kDotprod: NEON with the dot products of bytes of Armv8.2
// (FEAT_DotProd).
enum class Isa { kScalar, kAvx2, kAvx512, kVnni, kNeon, kDotprod };

// Already limited to the active Isa: a feature above it reads as absent.
struct CpuFeatures {
  bool sse42 = false;
  bool avx2 = false;  // with FMA and F16C, which every AVX2 CPU we know has and the kernels assume
  bool fma = false;
  bool avx512 = false;  // F, BW, DQ and VL together
  bool avx512_vnni = false;
  bool avx_vnni = false;
  bool neon = false;
  bool dotprod = false;
};

// SEALEDGE_ISA=scalar|avx2|avx512|vnni|neon|dotprod forces a lower set (tests and benchmarks). One that this CPU or
// build lacks, or another word, is ignored: forcing never makes the process execute what the CPU does not have.
Isa active_isa();
const CpuFeatures& cpu_features();
const char* isa_name(Isa isa);  // as SEALEDGE_ISA names it

}  // namespace sealedge
