#include "kernels/recurrent/recurrent_activation.h"

#include <cmath>
#include <limits>

#include "kernels/elementwise/unary_family.h"

namespace sealedge {
namespace {

void apply(UnaryOp op, UnaryParams params, const KernelTable& kernels, float* x, size_t size) {
  const auto index = static_cast<size_t>(op);
  F32UnaryFn function = kernels.f32_unary->op[index];
  if (function == nullptr) function = f32_unary_scalar.op[index];
  function(params, x, x, size);
}

}  // namespace

void f32_recurrent_activation(const RecurrentActivation& activation, const KernelTable& kernels, float* x,
                              size_t size) {
  const UnaryParams params = {activation.alpha, activation.beta};
  switch (activation.function) {
    case RecurrentFunction::kRelu:
      return apply(UnaryOp::kClip, {0.0f, std::numeric_limits<float>::infinity()}, kernels, x, size);
    case RecurrentFunction::kTanh:
      return apply(UnaryOp::kTanh, {}, kernels, x, size);
    case RecurrentFunction::kSigmoid:
      return apply(UnaryOp::kSigmoid, {}, kernels, x, size);
    case RecurrentFunction::kAffine:
      for (size_t i = 0; i < size; i++) x[i] = activation.alpha * x[i] + activation.beta;
      return;
    case RecurrentFunction::kLeakyRelu:
      return apply(UnaryOp::kLeakyRelu, params, kernels, x, size);
    case RecurrentFunction::kThresholdedRelu:
      return apply(UnaryOp::kThresholdedRelu, params, kernels, x, size);
    case RecurrentFunction::kScaledTanh:
      for (size_t i = 0; i < size; i++) x[i] *= activation.beta;
      apply(UnaryOp::kTanh, {}, kernels, x, size);
      for (size_t i = 0; i < size; i++) x[i] *= activation.alpha;
      return;
    case RecurrentFunction::kHardSigmoid:
      return apply(UnaryOp::kHardSigmoid, params, kernels, x, size);
    case RecurrentFunction::kElu:
      return apply(UnaryOp::kElu, params, kernels, x, size);
    case RecurrentFunction::kSoftsign:
      return apply(UnaryOp::kSoftsign, {}, kernels, x, size);
    case RecurrentFunction::kSoftplus:
      return apply(UnaryOp::kSoftplus, {}, kernels, x, size);
  }
}

double recurrent_activation(const RecurrentActivation& activation, double x) {
  const double alpha = activation.alpha, beta = activation.beta;
  switch (activation.function) {
    case RecurrentFunction::kRelu:
      return x < 0 ? 0 : x;
    case RecurrentFunction::kTanh:
      return std::tanh(x);
    case RecurrentFunction::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case RecurrentFunction::kAffine:
      return alpha * x + beta;
    case RecurrentFunction::kLeakyRelu:
      return x < 0 ? alpha * x : x;
    case RecurrentFunction::kThresholdedRelu:
      return x > alpha || x != x ? x : 0;
    case RecurrentFunction::kScaledTanh:
      return alpha * std::tanh(beta * x);
    case RecurrentFunction::kHardSigmoid: {
      const double y = alpha * x + beta;
      return y < 0 ? 0 : y > 1 ? 1 : y;
    }
    case RecurrentFunction::kElu:
      return x < 0 ? alpha * std::expm1(x) : x;
    case RecurrentFunction::kSoftsign:
      return x / (1 + std::fabs(x));
    case RecurrentFunction::kSoftplus:
      // log(1 + e^x), where e^x alone would overflow.
      return std::fmax(x, 0.0) + std::log1p(std::exp(-std::fabs(x)));
  }
  return x;
}

}  // namespace sealedge
