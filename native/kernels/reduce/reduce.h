// Reductions over any set of axes. Sums are kept in double by the scalar kernel and in at least 8 partial sums by the
// others. An empty reduction gives the neutral element (0, 1, -infinity, +infinity; Mean: NaN).
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/kernel_context.h"

namespace sealedge {

enum class ReduceOp : uint8_t { kSum, kMean, kMax, kMin, kProd, kL1, kL2, kSumSquare, kLogSum, kLogSumExp };

inline constexpr size_t kMaxReduceRank = 8;

struct F32ReduceParams {
  ReduceOp op;
  size_t rank;                  // <= kMaxReduceRank
  size_t dims[kMaxReduceRank];  // of X, row-major
  bool reduced[kMaxReduceRank];
  const float* x;
  float* y;  // the dimensions that are kept, row-major
};

void f32_reduce(const F32ReduceParams& params, const KernelContext& context);

}  // namespace sealedge
