// y = op(a, b) with numpy broadcasting. y may be a or b when that operand has y's shape; otherwise no overlap.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/kernel_context.h"

namespace sealedge {

enum class BinaryOp : uint8_t {
  kAdd,
  kSub,
  kMul,
  kDiv,
  kMin,  // NaN if either is NaN
  kMax,  // NaN if either is NaN
  kPow,
  kPrelu,  // a < 0 ? a * b : a
  kCount,
};

inline constexpr size_t kMaxBroadcastRank = 8;

// Shapes aligned to the right and joined where both operands advance alike: `dims` outermost first, strides in
// elements, 0 where an operand repeats.
struct BroadcastPlan {
  size_t rank = 0;
  size_t dims[kMaxBroadcastRank];
  size_t a_stride[kMaxBroadcastRank];
  size_t b_stride[kMaxBroadcastRank];
};

// Each dimension of the result with the steps of both operands along it, outermost first; joins what it can. False if
// more than kMaxBroadcastRank dimensions remain.
bool make_broadcast_plan(size_t rank, const size_t* dims, const size_t* a_stride, const size_t* b_stride,
                         BroadcastPlan* plan);
// The same from two dense row-major shapes. False also if they do not broadcast.
bool make_broadcast_plan(const int64_t* a_dims, size_t a_rank, const int64_t* b_dims, size_t b_rank,
                         BroadcastPlan* plan);

// Precondition (asserted): the innermost strides of the plan are 0 or 1.
void f32_binary(BinaryOp op, const BroadcastPlan& plan, const float* a, const float* b, float* y,
                const KernelContext& context);

}  // namespace sealedge
