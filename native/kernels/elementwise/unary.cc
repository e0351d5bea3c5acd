#include "kernels/elementwise/unary.h"

#include <cassert>

#include "kernels/dispatch.h"
#include "kernels/elementwise/unary_family.h"
#include "kernels/parallel.h"

namespace sealedge {

F32UnaryFn f32_unary_function(UnaryOp op, const KernelContext& context) {
  assert(op < UnaryOp::kCount);
  const auto index = static_cast<size_t>(op);
  F32UnaryFn function = context.kernels->f32_unary->op[index];
  return function != nullptr ? function : f32_unary_scalar.op[index];
}

void f32_unary(UnaryOp op, UnaryParams params, const float* x, float* y, size_t size, const KernelContext& context) {
  const F32UnaryFn function = f32_unary_function(op, context);
  const size_t parts = parts_for(context.parallel, size, kFunctionWork);
  parallel_for(context.parallel, parts, [&](size_t i, unsigned) {
    const Part part = part_of(size, i, parts);
    function(params, x + part.begin, y + part.begin, part.end - part.begin);
  });
}

}  // namespace sealedge
