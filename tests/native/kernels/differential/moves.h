// Transposes and copies: exact.
#pragma once

#include "agreement.h"
#include "kernels/dispatch.h"
#include "kernels/layout/layout.h"

namespace sealedge::differential {

inline std::string compare_transpose(Decisions& d, const KernelTable& scalar, const KernelTable& subject) {
  const size_t element_bytes = size_t{1} << d.below(4);
  const size_t batch = d.below(4), rows = d.below(40), columns = d.below(70);
  const auto x = d.bits<uint64_t>((batch * rows * columns * element_bytes + 7) / 8);
  Buffer<uint8_t> got(batch * rows * columns * element_bytes), want(got.size());
  transpose_matrices(element_bytes, batch, rows, columns, x.data(), got.data(), {.kernels = &subject});
  transpose_matrices(element_bytes, batch, rows, columns, x.data(), want.data(), {.kernels = &scalar});
  return compare_exactly("transpose", got, want);
}

// A permutation of the dimensions, each possibly reversed.
inline std::string compare_copy(Decisions& d, const KernelTable& scalar, const KernelTable& subject) {
  StridedCopy copy = {};
  copy.element_bytes = size_t{1} << d.below(4);
  copy.rank = 1 + d.below(4);
  size_t order[4] = {0, 1, 2, 3};
  for (size_t i = copy.rank; i > 1; i--) std::swap(order[i - 1], order[d.below(i)]);
  for (size_t i = 0; i < copy.rank; i++) copy.dims[i] = 1 + d.below(copy.rank > 2 ? 8 : 40);
  ptrdiff_t step = 1, start = 0;
  for (size_t i = copy.rank; i-- > 0; step *= static_cast<ptrdiff_t>(copy.dims[i])) copy.destination_stride[i] = step;
  const auto size = static_cast<size_t>(step);
  step = 1;
  for (size_t i = 0; i < copy.rank; i++) {
    const size_t along = order[i];
    const auto last = static_cast<ptrdiff_t>(copy.dims[along] - 1);
    const bool reversed = d.one_in(4);
    copy.source_stride[along] = reversed ? -step : step;
    if (reversed) start += last * step;
    step *= last + 1;
  }
  const auto x = d.bits<uint64_t>((size * copy.element_bytes + 7) / 8);
  const auto* from = reinterpret_cast<const uint8_t*>(x.data()) + static_cast<size_t>(start) * copy.element_bytes;
  Buffer<uint64_t> got(x.size()), want(x.size());
  strided_copy(copy, from, got.data(), {.kernels = &subject});
  strided_copy(copy, from, want.data(), {.kernels = &scalar});
  return compare_exactly("copy", got, want);
}

}  // namespace sealedge::differential
