#include "kernels/qelementwise/qelementwise.h"

#include "kernels/dispatch.h"
#include "kernels/parallel.h"
#include "kernels/qelementwise/qelementwise_family.h"

namespace sealedge {
namespace {

// A part begins at a multiple of 64 elements.
template <typename Body>
void in_parts(size_t size, size_t unit_work, const KernelContext& context, const Body& body) {
  const size_t units = (size + 63) / 64;
  const size_t parts = parts_for(context.parallel, units, 64 * unit_work);
  parallel_for(context.parallel, parts, [&](size_t index, unsigned) {
    const Part part = part_of(units, index, parts);
    const size_t begin = part.begin * 64, end = part.end * 64 < size ? part.end * 64 : size;
    if (begin < end) body(begin, end - begin);
  });
}

}  // namespace

void q8_dequantize(const Q8Scale& from, const uint8_t* x, float* y, size_t size, const KernelContext& context) {
  in_parts(size, kMoveWork, context, [&](size_t begin, size_t count) {
    context.kernels->q8_elementwise->dequantize(from, x + begin, y + begin, count);
  });
}

void q8_quantize(const Q8Step& to, const float* x, uint8_t* y, size_t size, const KernelContext& context) {
  in_parts(size, kMoveWork, context, [&](size_t begin, size_t count) {
    context.kernels->q8_elementwise->quantize(to, x + begin, y + begin, count);
  });
}

// One load per element on every CPU: wider registers have no instruction for a table of this size.
void q8_lookup(const uint8_t* table, const uint8_t* x, uint8_t* y, size_t size, const KernelContext& context) {
  in_parts(size, kMoveWork, context, [&](size_t begin, size_t count) {
    for (size_t i = begin; i < begin + count; i++) y[i] = table[x[i]];
  });
}

void q8_binary(const Q8BinaryParams& params, const BroadcastPlan& plan, const uint8_t* a, const uint8_t* b, uint8_t* y,
               const KernelContext& context) {
  const Q8ElementwiseFamily& family = *context.kernels->q8_elementwise;
  const size_t last = plan.rank == 0 ? 0 : plan.rank - 1;
  const size_t inner = plan.rank == 0 ? 1 : plan.dims[last];
  const size_t a_step = plan.rank == 0 ? 0 : plan.a_stride[last], b_step = plan.rank == 0 ? 0 : plan.b_stride[last];
  size_t outer = 1;
  for (size_t d = 0; d < last; d++) outer *= plan.dims[d];
  if (outer == 1) {
    in_parts(inner, 2 * kMoveWork, context, [&](size_t begin, size_t count) {
      family.binary(params, a + begin * a_step, a_step, b + begin * b_step, b_step, y + begin, count);
    });
    return;
  }
  const size_t parts = parts_for(context.parallel, outer, inner * 2 * kMoveWork);
  parallel_for(context.parallel, parts, [&](size_t index, unsigned) {
    const Part part = part_of(outer, index, parts);
    for (size_t row = part.begin; row < part.end; row++) {
      const uint8_t *from_a = a, *from_b = b;
      for (size_t d = last, rest = row; d-- > 0; rest /= plan.dims[d]) {
        from_a += rest % plan.dims[d] * plan.a_stride[d];
        from_b += rest % plan.dims[d] * plan.b_stride[d];
      }
      family.binary(params, from_a, a_step, from_b, b_step, y + row * inner, inner);
    }
  });
}

}  // namespace sealedge
