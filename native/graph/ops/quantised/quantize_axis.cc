#include "graph/ops/quantised/quantize_axis.h"

#include "graph/ops/support.h"

namespace sealedge {

Result<QuantizeAxis> resolve_quantize_axis(const QuantizeAttributes& attributes, const Operand& x, const Operand& scale,
                                           const Operand& zero_point) {
  const int64_t scales = element_count(scale.dims);
  if (zero_point.present && element_count(zero_point.dims) != scales) {
    return shape_mismatch("zero point " + dims_to_string(zero_point.dims) + " does not fit scale " +
                          dims_to_string(scale.dims));
  }
  QuantizeAxis axis;
  if (scales == 1 && scale.dims.size() <= 1 && attributes.block_size == 0) {
    axis.inner = static_cast<size_t>(element_count(x.dims));
    return axis;
  }
  SEALEDGE_ASSIGN(const size_t at, resolve_axis(attributes.axis, x.dims.size()));
  axis.one_scale = false;
  axis.size = static_cast<size_t>(x.dims[at]);
  const auto misfit = [&] {
    return shape_mismatch("scale " + dims_to_string(scale.dims) + " does not fit axis " + std::to_string(at) + " of " +
                          dims_to_string(x.dims));
  };
  if (attributes.block_size > 0) {
    axis.blocked = true;
    axis.block = static_cast<size_t>(attributes.block_size);
    Dims expected = x.dims;
    expected[at] = static_cast<int64_t>((axis.size + axis.block - 1) / axis.block);
    if (scale.dims != expected) return misfit();
  } else if (scale.dims.size() != 1 || scales != x.dims[at]) {
    return misfit();
  }
  // In channels-last memory axis 1 is the innermost, and everything else lies outside it.
  const bool innermost = x.format == Format::kChannelsLast && at == 1;
  for (size_t d = 0; d < x.dims.size(); d++) {
    if (d == at) continue;
    (d < at || innermost ? axis.outer : axis.inner) *= static_cast<size_t>(x.dims[d]);
  }
  return axis;
}

}  // namespace sealedge
