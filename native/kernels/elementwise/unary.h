// y[i] = op(x[i]). y may be x; otherwise no overlap. Bounds, NaN and infinity behaviour are listed at each op in
// unary_scalar.cc (libm, the oracle) and in the ISA files (polynomials, bound against the oracle tested).
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/elementwise/unary_params.h"
#include "kernels/kernel_context.h"

namespace sealedge {

enum class UnaryOp : uint8_t {
  kClip,       // alpha = lo, beta = hi; Relu is Clip(0, infinity)
  kLeakyRelu,  // alpha
  kElu,        // alpha
  kSelu,       // alpha, beta = gamma
  kSigmoid,
  kHardSigmoid,  // max(0, min(1, alpha * x + beta))
  kHardSwish,    // x * max(0, min(1, x / 6 + 0.5))
  kSilu,         // x * sigmoid(x)
  kGelu,         // x / 2 * (1 + erf(x / sqrt(2)))
  kSoftplus,
  kSoftsign,
  kMish,  // x * tanh(softplus(x))
  kTanh,
  kErf,
  kExp,
  kLog,
  kSqrt,
  kReciprocal,
  kAbs,
  kNeg,
  kFloor,
  kCeil,
  kRound,  // half to even
  kSign,
  kSin,
  kCos,
  kTan,
  kAtan,
  kThresholdedRelu,  // x > alpha ? x : 0
  kGeluTanh,         // x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))
  kCount,
};

// The function of the context's ISA by itself, on one thread.
using F32UnaryFn = void (*)(UnaryParams params, const float* x, float* y, size_t size);
F32UnaryFn f32_unary_function(UnaryOp op, const KernelContext& context);

void f32_unary(UnaryOp op, UnaryParams params, const float* x, float* y, size_t size, const KernelContext& context);

}  // namespace sealedge
