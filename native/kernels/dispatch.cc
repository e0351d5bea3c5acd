#include "kernels/dispatch.h"

#include "core/cpu_features.h"
#include "kernels/depthwise/depthwise_tile.h"
#include "kernels/elementwise/binary_family.h"
#include "kernels/elementwise/unary_family.h"
#include "kernels/gemm/gemm_tile.h"
#include "kernels/layout/layout_family.h"
#include "kernels/pool/pool_tile.h"
#include "kernels/qdepthwise/qdepthwise_tile.h"
#include "kernels/qelementwise/qelementwise_family.h"
#include "kernels/qgemm/qgemm_tile.h"
#include "kernels/reduce/reduce_family.h"

namespace sealedge {
namespace {

constexpr KernelTable kScalar = {
    "scalar",          &f32_gemm_scalar,     &f32_depthwise_scalar,  &f32_pool_scalar,
    &f32_unary_scalar, &f32_binary_scalar,   &f32_reduce_scalar,     &layout_scalar,
    &q8_gemm_scalar,   &q8_depthwise_scalar, &q8_elementwise_scalar,
};

#if defined(__x86_64__) && !defined(SEALEDGE_SCALAR_ONLY)
constexpr KernelTable kAvx2 = {
    "avx2",           &f32_gemm_avx2, &f32_depthwise_avx2, &f32_pool_avx2,     &f32_unary_avx2,      &f32_binary_avx2,
    &f32_reduce_avx2, &layout_avx2,   &q8_gemm_avx2,       &q8_depthwise_avx2, &q8_elementwise_avx2,
};

// Moving elements gains nothing from wider registers.
constexpr KernelTable kAvx512 = {
    "avx512",          &f32_gemm_avx512,     &f32_depthwise_avx512, &f32_pool_avx512,
    &f32_unary_avx512, &f32_binary_avx512,   &f32_reduce_avx512,    &layout_avx2,
    &q8_gemm_avx512,   &q8_depthwise_avx512, &q8_elementwise_avx2,
};

// With the instructions for 8-bit products, which came later.
constexpr KernelTable kVnni = {
    "vnni",
    &f32_gemm_avx512,
    &f32_depthwise_avx512,
    &f32_pool_avx512,
    &f32_unary_avx512,
    &f32_binary_avx512,
    &f32_reduce_avx512,
    &layout_avx2,
    &q8_gemm_vnni,
    &q8_depthwise_vnni,
    &q8_elementwise_avx2,
};
#endif

#if defined(__aarch64__) && !defined(SEALEDGE_SCALAR_ONLY)
constexpr KernelTable kNeon = {
    "neon",           &f32_gemm_neon, &f32_depthwise_neon, &f32_pool_neon,     &f32_unary_neon,      &f32_binary_neon,
    &f32_reduce_neon, &layout_neon,   &q8_gemm_neon,       &q8_depthwise_neon, &q8_elementwise_neon,
};

// Dot products of bytes serve sums over neighbours in memory, which a depthwise window has not.
constexpr KernelTable kDotprod = {
    "dotprod",        &f32_gemm_neon, &f32_depthwise_neon, &f32_pool_neon,     &f32_unary_neon,      &f32_binary_neon,
    &f32_reduce_neon, &layout_neon,   &q8_gemm_dotprod,    &q8_depthwise_neon, &q8_elementwise_neon,
};
#endif

struct Available {
  const KernelTable* table[4];
  size_t size;
};

Available find_available() {
  Available found = {{&kScalar}, 1};
#if defined(__x86_64__) && !defined(SEALEDGE_SCALAR_ONLY)
  if (cpu_features().avx2) found.table[found.size++] = &kAvx2;
  if (cpu_features().avx512) found.table[found.size++] = &kAvx512;
  if (cpu_features().avx512_vnni) found.table[found.size++] = &kVnni;
#elif defined(__aarch64__) && !defined(SEALEDGE_SCALAR_ONLY)
  if (cpu_features().neon) found.table[found.size++] = &kNeon;
  if (cpu_features().dotprod) found.table[found.size++] = &kDotprod;
#endif
  return found;
}

const Available& available() {
  static const Available found = find_available();
  return found;
}

}  // namespace

const KernelTable& active_kernels() { return *available().table[available().size - 1]; }

KernelTables available_kernels() { return {available().table, available().size}; }

}  // namespace sealedge
