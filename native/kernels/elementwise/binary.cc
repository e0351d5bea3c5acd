#include "kernels/elementwise/binary.h"

#include <cassert>
#include <cstddef>

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

bool make_broadcast_plan(size_t rank, const size_t* dims, const size_t* a_stride, const size_t* b_stride,
                         BroadcastPlan* plan) {
  *plan = {};
  for (size_t d = 0; d < rank; d++) {
    if (dims[d] == 1) continue;
    if (plan->rank > 0) {
      const size_t last = plan->rank - 1;
      if (plan->a_stride[last] == dims[d] * a_stride[d] && plan->b_stride[last] == dims[d] * b_stride[d]) {
        plan->dims[last] *= dims[d];
        plan->a_stride[last] = a_stride[d];
        plan->b_stride[last] = b_stride[d];
        continue;
      }
    }
    if (plan->rank == kMaxBroadcastRank) return false;
    plan->dims[plan->rank] = dims[d];
    plan->a_stride[plan->rank] = a_stride[d];
    plan->b_stride[plan->rank++] = b_stride[d];
  }
  return true;
}

bool make_broadcast_plan(const int64_t* a_dims, size_t a_rank, const int64_t* b_dims, size_t b_rank,
                         BroadcastPlan* plan) {
  constexpr size_t kMaxRank = 16;
  const size_t rank = a_rank > b_rank ? a_rank : b_rank;
  if (rank > kMaxRank) return false;
  size_t dims[kMaxRank], a_stride[kMaxRank], b_stride[kMaxRank];
  size_t a_step = 1, b_step = 1;
  for (size_t i = 0; i < rank; i++) {
    const int64_t a = dim_or_one(a_dims, a_rank, i), b = dim_or_one(b_dims, b_rank, i);
    if (a != b && a != 1 && b != 1) return false;
    const size_t d = rank - 1 - i;
    dims[d] = static_cast<size_t>(a == 1 ? b : a);
    a_stride[d] = a == 1 ? 0 : a_step;
    b_stride[d] = b == 1 ? 0 : b_step;
    a_step *= static_cast<size_t>(a);
    b_step *= static_cast<size_t>(b);
  }
  return make_broadcast_plan(rank, dims, a_stride, b_stride, plan);
}

void f32_binary(BinaryOp op, const BroadcastPlan& plan, const float* a, const float* b, float* y,
                const KernelContext& context) {
  assert(op < BinaryOp::kCount && plan.rank <= kMaxBroadcastRank);
  const size_t inner_rank = plan.rank == 0 ? 0 : plan.rank - 1;
  const size_t inner = plan.rank == 0 ? 1 : plan.dims[inner_rank];
  assert(plan.rank == 0 || (plan.a_stride[inner_rank] <= 1 && plan.b_stride[inner_rank] <= 1));
  const bool a_advances = plan.rank != 0 && plan.a_stride[inner_rank] != 0;
  const bool b_advances = plan.rank != 0 && plan.b_stride[inner_rank] != 0;
  const BinaryForm form = !b_advances   ? BinaryForm::kVectorScalar
                          : !a_advances ? BinaryForm::kScalarVector
                                        : BinaryForm::kVectorVector;
  const F32BinaryFn function = function_for(op, form, *context.kernels);

  if (inner_rank == 0) {
    const size_t parts = parts_for(context.parallel, inner, kMoveWork);
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
  const size_t parts = parts_for(context.parallel, outer, inner * kMoveWork);
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
