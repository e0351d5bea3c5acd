#include "kernels/elementwise/binary.h"

#include <cassert>

#include "kernels/dispatch.h"
#include "kernels/elementwise/binary_family.h"
#include "kernels/parallel.h"

namespace sealedge {
namespace {

// The dimension `from_end` places before the end, 1 where the shape is shorter.
int64_t dim_or_one(const int64_t* dims, size_t rank, size_t from_end) {
  return from_end < rank ? dims[rank - 1 - from_end] : 1;
}

F32BinaryFn function_for(BinaryOp op, BinaryForm form, const KernelTable& kernels) {
  const auto o = static_cast<size_t>(op), f = static_cast<size_t>(form);
  F32BinaryFn function = kernels.f32_binary->op[o][f];
  return function != nullptr ? function : f32_binary_scalar.op[o][f];
}

}  // namespace

bool make_broadcast_plan(const int64_t* a_dims, size_t a_rank, const int64_t* b_dims, size_t b_rank,
                         BroadcastPlan* plan) {
  const size_t rank = a_rank > b_rank ? a_rank : b_rank;
  // Innermost first while joining, turned around at the end.
  BroadcastPlan joined;
  size_t a_step = 1, b_step = 1;
  for (size_t i = 0; i < rank; i++) {
    const int64_t a = dim_or_one(a_dims, a_rank, i), b = dim_or_one(b_dims, b_rank, i);
    if (a != b && a != 1 && b != 1) return false;
    const auto size = static_cast<size_t>(a == 1 ? b : a);
    if (size != 1) {
      const size_t a_stride = a == 1 ? 0 : a_step, b_stride = b == 1 ? 0 : b_step;
      const size_t last = joined.rank - 1;
      if (joined.rank > 0 && a_stride == joined.dims[last] * joined.a_stride[last] &&
          b_stride == joined.dims[last] * joined.b_stride[last]) {
        joined.dims[last] *= size;
      } else {
        if (joined.rank == kMaxBroadcastRank) return false;
        joined.dims[joined.rank] = size;
        joined.a_stride[joined.rank] = a_stride;
        joined.b_stride[joined.rank] = b_stride;
        joined.rank++;
      }
    }
    a_step *= static_cast<size_t>(a);
    b_step *= static_cast<size_t>(b);
  }
  plan->rank = joined.rank;
  for (size_t i = 0; i < joined.rank; i++) {
    plan->dims[i] = joined.dims[joined.rank - 1 - i];
    plan->a_stride[i] = joined.a_stride[joined.rank - 1 - i];
    plan->b_stride[i] = joined.b_stride[joined.rank - 1 - i];
  }
  return true;
}

void f32_binary(BinaryOp op, const BroadcastPlan& plan, const float* a, const float* b, float* y,
                const KernelContext& context) {
  assert(op < BinaryOp::kCount && plan.rank <= kMaxBroadcastRank);
  const size_t inner_rank = plan.rank == 0 ? 0 : plan.rank - 1;
  const size_t inner = plan.rank == 0 ? 1 : plan.dims[inner_rank];
  const bool a_advances = plan.rank != 0 && plan.a_stride[inner_rank] != 0;
  const bool b_advances = plan.rank != 0 && plan.b_stride[inner_rank] != 0;
  const BinaryForm form = !b_advances   ? BinaryForm::kVectorScalar
                          : !a_advances ? BinaryForm::kScalarVector
                                        : BinaryForm::kVectorVector;
  const F32BinaryFn function = function_for(op, form, *context.kernels);

  if (inner_rank == 0) {
    const size_t parts = parts_for(context.parallel, inner, 4096);
    parallel_for(context.parallel, parts, [&](size_t i, unsigned) {
      const Part part = part_of(inner, i, parts);
      function(a + (a_advances ? part.begin : 0), b + (b_advances ? part.begin : 0), y + part.begin,
               part.end - part.begin);
    });
    return;
  }
  size_t outer = 1;
  for (size_t d = 0; d < inner_rank; d++) outer *= plan.dims[d];
  if (outer == 0 || inner == 0) return;
  const size_t parts = parts_for(context.parallel, outer, 4096 / inner + 1);
  parallel_for(context.parallel, parts, [&](size_t i, unsigned) {
    const Part part = part_of(outer, i, parts);
    for (size_t row = part.begin; row < part.end; row++) {
      const float *from_a = a, *from_b = b;
      for (size_t d = inner_rank, rest = row; d-- > 0; rest /= plan.dims[d]) {
        from_a += rest % plan.dims[d] * plan.a_stride[d];
        from_b += rest % plan.dims[d] * plan.b_stride[d];
      }
      function(from_a, from_b, y + row * inner, inner);
    }
  });
}

}  // namespace sealedge
