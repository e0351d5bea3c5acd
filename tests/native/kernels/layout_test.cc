#include "kernels/layout/layout.h"

#include "kernel_testing.h"

namespace sealedge::testing {
namespace {

class Layout : public ::testing::TestWithParam<const KernelTable*> {};

template <typename T>
void check_transpose(const KernelTable& kernels, size_t batch, size_t rows, size_t columns, unsigned thread_count) {
  std::vector<T> source(batch * rows * columns);
  for (size_t i = 0; i < source.size(); i++) source[i] = static_cast<T>(i * 2654435761u);
  std::vector<T> want(source.size());
  for (size_t b = 0; b < batch; b++) {
    for (size_t r = 0; r < rows; r++) {
      for (size_t c = 0; c < columns; c++) want[(b * columns + c) * rows + r] = source[(b * rows + r) * columns + c];
    }
  }
  const Guarded<T> in(source);
  Guarded<T> out(source.size());
  KernelContext context = {.kernels = &kernels};
  if (thread_count > 1) context.parallel = threads(thread_count);
  transpose_matrices(sizeof(T), batch, rows, columns, in.data(), out.data(), context);
  EXPECT_EQ(out.copy(), want) << kernels.isa << " " << sizeof(T) << " bytes " << rows << "x" << columns;
}

TEST_P(Layout, TransposesMatrices) {
  for (size_t rows : {1, 2, 3, 4, 7, 8, 9, 16, 19}) {
    for (size_t columns : {1, 3, 8, 15, 16, 33}) {
      check_transpose<uint8_t>(*GetParam(), 2, rows, columns, 1);
      check_transpose<uint16_t>(*GetParam(), 2, rows, columns, 1);
      check_transpose<uint32_t>(*GetParam(), 3, rows, columns, 3);
      check_transpose<uint64_t>(*GetParam(), 2, rows, columns, 1);
    }
  }
  check_transpose<uint32_t>(*GetParam(), 0, 3, 3, 1);
  check_transpose<uint32_t>(*GetParam(), 3, 0, 3, 1);
}

// Signalling NaNs must survive: elements are bits here.
TEST_P(Layout, KeepsEveryBitPattern) {
  const Guarded<uint32_t> in(std::vector<uint32_t>(3 * 24, 0x7f800001u));
  Guarded<uint32_t> out(3 * 24);
  transpose_matrices(4, 1, 3, 24, in.data(), out.data(), {.kernels = GetParam()});
  for (uint32_t bits : out.copy()) EXPECT_EQ(bits, 0x7f800001u);
}

template <typename T>
void check_copy(const KernelTable& kernels, const StridedCopy& copy, size_t source_size, size_t source_start,
                size_t destination_size) {
  std::vector<T> source(source_size);
  for (size_t i = 0; i < source.size(); i++) source[i] = static_cast<T>(i + 1);
  std::vector<T> want(destination_size, T{0});
  size_t count = 1;
  for (size_t d = 0; d < copy.rank; d++) count *= copy.dims[d];
  for (size_t i = 0; i < count; i++) {
    ptrdiff_t from = 0, to = 0;
    size_t rest = i;
    for (size_t d = copy.rank; d-- > 0; rest /= copy.dims[d]) {
      from += static_cast<ptrdiff_t>(rest % copy.dims[d]) * copy.source_stride[d];
      to += static_cast<ptrdiff_t>(rest % copy.dims[d]) * copy.destination_stride[d];
    }
    want[static_cast<size_t>(to)] = source[source_start + static_cast<size_t>(from)];
  }
  const Guarded<T> in(source);
  StridedCopy sized = copy;
  sized.element_bytes = sizeof(T);
  for (unsigned thread_count : {1u, 3u}) {
    KernelContext context{.kernels = &kernels};
    if (thread_count > 1) context.parallel = threads(thread_count);
    Guarded<T> out(destination_size);
    strided_copy(sized, in.data() + source_start, out.data(), context);
    EXPECT_EQ(out.copy(), want) << kernels.isa << ", threads " << thread_count;
  }
}

void check_every_size(const KernelTable& kernels, const StridedCopy& copy, size_t source_size, size_t source_start,
                      size_t destination_size) {
  check_copy<uint8_t>(kernels, copy, source_size, source_start, destination_size);
  check_copy<uint16_t>(kernels, copy, source_size, source_start, destination_size);
  check_copy<uint32_t>(kernels, copy, source_size, source_start, destination_size);
  check_copy<uint64_t>(kernels, copy, source_size, source_start, destination_size);
}

TEST_P(Layout, CopiesStrided) {
  const KernelTable& kernels = *GetParam();
  // One value; a plain run; (0, 2, 3, 1) of (2, 5, 9, 11); the middle of a matrix; reversed; repeated; nothing.
  check_every_size(kernels, {.element_bytes = 1, .rank = 0}, 1, 0, 1);
  check_every_size(
      kernels, {.element_bytes = 1, .rank = 2, .dims = {3, 4}, .source_stride = {4, 1}, .destination_stride = {4, 1}},
      12, 0, 12);
  check_every_size(kernels,
                   {.element_bytes = 1,
                    .rank = 4,
                    .dims = {2, 9, 11, 5},
                    .source_stride = {495, 11, 1, 99},
                    .destination_stride = {495, 55, 5, 1}},
                   990, 0, 990);
  check_every_size(
      kernels, {.element_bytes = 1, .rank = 2, .dims = {2, 3}, .source_stride = {10, 2}, .destination_stride = {3, 1}},
      40, 12, 6);
  check_every_size(
      kernels, {.element_bytes = 1, .rank = 2, .dims = {3, 4}, .source_stride = {4, -1}, .destination_stride = {4, 1}},
      12, 3, 12);
  check_every_size(
      kernels,
      {.element_bytes = 1, .rank = 3, .dims = {2, 3, 4}, .source_stride = {0, 0, 1}, .destination_stride = {12, 4, 1}},
      4, 0, 24);
  check_every_size(
      kernels, {.element_bytes = 1, .rank = 2, .dims = {0, 4}, .source_stride = {4, 1}, .destination_stride = {4, 1}},
      4, 0, 4);
}

// A channels-last part of a channels-last whole, its dimensions given in the order of the standard: (1, 16, 6, 7) into
// 48 channels.
TEST_P(Layout, CopiesInAnyOrderOfDimensions) {
  check_every_size(*GetParam(),
                   {.element_bytes = 1,
                    .rank = 4,
                    .dims = {1, 16, 6, 7},
                    .source_stride = {672, 1, 112, 16},
                    .destination_stride = {2016, 1, 336, 48}},
                   672, 0, 2016);
}

INSTANTIATE_TEST_SUITE_P(EveryIsa, Layout, ::testing::ValuesIn(tables()),
                         [](const auto& info) { return std::string(info.param->isa); });

}  // namespace
}  // namespace sealedge::testing
