// f32 GEMM: C (M, N) = epilogue(A (M, K) * B (K, N)), row-major A and C; B comes in layout kPanel16 from a weight
// source: [ceil(N/16)][K][16], lanes past N zero. M = 1 is the matrix-vector case. Preconditions (asserted;
// graph/plan.cc guarantees them): b.size_bytes() == f32_panel16_bytes(k, n). A and C do not overlap. Zero M, N: nothing
// to do; zero K: sums are 0. No alignment needed. Never allocates, never fails.
#pragma once

#include "kernels/epilogue.h"
#include "kernels/kernel_context.h"
#include "kernels/weight_source.h"

namespace sealedge {

struct F32GemmParams {
  size_t m, n, k;
  const float* a;
  size_t a_stride;  // elements from row to row, >= k
  float* c;
  size_t c_stride;  // >= n; lanes between n and c_stride are left alone
  F32Epilogue epilogue = {};
};

constexpr size_t f32_panel16_bytes(size_t k, size_t n) { return (n + 15) / 16 * k * 64; }

void f32_gemm(const F32GemmParams& params, const WeightSource& b, const KernelContext& context);

// B made of activations: copies element (k, n) at b[k * k_stride + n * n_stride] into kPanel16 at out, of
// f32_panel16_bytes(k, n), 64-byte aligned; then a ResidentWeightSource over it feeds f32_gemm.
void f32_pack_panel16(const float* b, size_t k, size_t n, size_t k_stride, size_t n_stride, float* out);

}  // namespace sealedge
