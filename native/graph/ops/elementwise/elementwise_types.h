// Physical dimensions and strides of operands that broadcast, and loops for the element types and operators that have
// no kernel.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <vector>

#include "core/result.h"
#include "graph/op.h"
#include "kernels/elementwise/binary.h"

namespace sealedge {

// numpy broadcasting of all operands that are present; kShapeMismatch if they do not broadcast, kOpUnsupported if the
// result has more than kMaxBroadcastRank dimensions.
Result<Dims> broadcast_dims(std::span<const Operand> operands);

// Logical dimensions in the order of memory, outermost first.
std::vector<size_t> memory_order(size_t rank, Format format);
// In the order in which the output's elements lie in memory: its dimensions and an operand's step along each, 0 where
// it repeats.
std::vector<size_t> physical_dims(const Operand& output);
std::vector<size_t> physical_strides(const Operand& operand, const Operand& output);

// Formats for elementwise operators: channels-last if an operand arrives so and every other can be walked along with
// it, constants being converted once where they have more than a value per channel.
FormatChoice broadcast_formats(std::span<const Operand> inputs, std::span<const Operand> outputs);

// The activation that a unary operator is (elementwise_unary.cc); as_activation adds Clip.
std::optional<Activation> unary_activation(const Op& op);

// y[i] = function(a[..], b[..]) over any plan.
template <typename A, typename B, typename R, typename Function>
void each_pair(const BroadcastPlan& plan, const A* a, const B* b, R* y, Function function) {
  const size_t last = plan.rank == 0 ? 0 : plan.rank - 1;
  const size_t inner = plan.rank == 0 ? 1 : plan.dims[last];
  const size_t a_step = plan.rank == 0 ? 0 : plan.a_stride[last], b_step = plan.rank == 0 ? 0 : plan.b_stride[last];
  size_t outer = 1;
  for (size_t d = 0; d < last; d++) outer *= plan.dims[d];
  for (size_t row = 0; row < outer; row++) {
    const A* from_a = a;
    const B* from_b = b;
    for (size_t d = last, rest = row; d-- > 0; rest /= plan.dims[d]) {
      from_a += rest % plan.dims[d] * plan.a_stride[d];
      from_b += rest % plan.dims[d] * plan.b_stride[d];
    }
    for (size_t i = 0; i < inner; i++) *y++ = function(from_a[i * a_step], from_b[i * b_step]);
  }
}

}  // namespace sealedge
