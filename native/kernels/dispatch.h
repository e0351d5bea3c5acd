// Which implementation of each family runs. dispatch.cc alone reads the CPU's features.
#pragma once

#include <cstddef>

namespace sealedge {

struct F32GemmFamily;
struct F32DepthwiseFamily;
struct F32PoolFamily;
struct F32UnaryFamily;
struct F32BinaryFamily;
struct F32ReduceFamily;
struct LayoutFamily;
struct Q8GemmFamily;
struct Q8DepthwiseFamily;
struct Q8ElementwiseFamily;

struct KernelTable {
  const char* isa;  // isa_name() of core/cpu_features.h
  const F32GemmFamily* f32_gemm;
  const F32DepthwiseFamily* f32_depthwise;
  const F32PoolFamily* f32_pool;
  const F32UnaryFamily* f32_unary;
  const F32BinaryFamily* f32_binary;
  const F32ReduceFamily* f32_reduce;
  const LayoutFamily* layout;
  const Q8GemmFamily* q8_gemm;
  const Q8DepthwiseFamily* q8_depthwise;
  const Q8ElementwiseFamily* q8_elementwise;
};

// The best table that this CPU and SEALEDGE_ISA allow; decided at the first call, the same for the life of the process.
const KernelTable& active_kernels();

// Every table that this CPU and SEALEDGE_ISA allow, scalar first, the active one last: for tests and benchmarks.
struct KernelTables {
  const KernelTable* const* data;
  size_t size;
};
KernelTables available_kernels();

}  // namespace sealedge
