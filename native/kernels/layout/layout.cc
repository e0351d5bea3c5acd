#include "kernels/layout/layout.h"

#include <cassert>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "kernels/dispatch.h"
#include "kernels/layout/layout_family.h"
#include "kernels/parallel.h"

namespace sealedge {
namespace {

template <typename T>
void transpose_plain(const T* source, size_t rows, size_t columns, T* destination) {
  for (size_t c = 0; c < columns; c++) {
    for (size_t r = 0; r < rows; r++) destination[c * rows + r] = source[r * columns + c];
  }
}

void transpose_matrix(size_t element_bytes, size_t rows, size_t columns, const uint8_t* source, uint8_t* destination,
                      const LayoutFamily& family) {
  switch (element_bytes) {
    case 1:
      return transpose_plain(source, rows, columns, destination);
    case 2:
      return transpose_plain(reinterpret_cast<const uint16_t*>(source), rows, columns,
                             reinterpret_cast<uint16_t*>(destination));
    case 4:
      // As few rows as channels of an image: the interleaving kernel writes whole lines.
      if (rows <= 4) {
        return family.interleave_32(reinterpret_cast<const float*>(source), columns, rows, columns,
                                    reinterpret_cast<float*>(destination));
      }
      return family.transpose_32(reinterpret_cast<const uint32_t*>(source), columns, rows, columns,
                                 reinterpret_cast<uint32_t*>(destination), rows);
    case 8:
      return transpose_plain(reinterpret_cast<const uint64_t*>(source), rows, columns,
                             reinterpret_cast<uint64_t*>(destination));
    default:
      assert(false && "element size is 1, 2, 4 or 8");
  }
}

// The same copy walking its destination in the order of memory: the caller's order of dimensions means nothing here.
StridedCopy in_destination_order(StridedCopy copy) {
  for (size_t i = 1; i < copy.rank; i++) {
    for (size_t d = i; d > 0 && std::abs(copy.destination_stride[d - 1]) < std::abs(copy.destination_stride[d]); d--) {
      std::swap(copy.dims[d - 1], copy.dims[d]);
      std::swap(copy.source_stride[d - 1], copy.source_stride[d]);
      std::swap(copy.destination_stride[d - 1], copy.destination_stride[d]);
    }
  }
  return copy;
}

// `copy` with adjacent dimensions joined where both sides walk them as one, and dimensions of size 1 dropped.
StridedCopy join_dimensions(const StridedCopy& copy) {
  StridedCopy joined = {
      .element_bytes = copy.element_bytes, .rank = 0, .dims = {}, .source_stride = {}, .destination_stride = {}};
  for (size_t d = 0; d < copy.rank; d++) {
    if (copy.dims[d] == 1) continue;
    const auto size = static_cast<ptrdiff_t>(copy.dims[d]);
    if (joined.rank > 0) {
      const size_t last = joined.rank - 1;
      if (joined.source_stride[last] == size * copy.source_stride[d] &&
          joined.destination_stride[last] == size * copy.destination_stride[d]) {
        joined.dims[last] *= copy.dims[d];
        joined.source_stride[last] = copy.source_stride[d];
        joined.destination_stride[last] = copy.destination_stride[d];
        continue;
      }
    }
    joined.dims[joined.rank] = copy.dims[d];
    joined.source_stride[joined.rank] = copy.source_stride[d];
    joined.destination_stride[joined.rank] = copy.destination_stride[d];
    joined.rank++;
  }
  return joined;
}

// `rows` runs of kSize contiguous elements each: what slicing or joining narrow tensors comes to. A size known here
// becomes one or two moves, where memcpy would cost a call.
template <typename T, size_t kSize>
void copy_narrow(const T* source, ptrdiff_t source_step, T* destination, ptrdiff_t destination_step, size_t rows) {
  for (size_t r = 0; r < rows; r++, source += source_step, destination += destination_step) {
    std::memcpy(destination, source, kSize * sizeof(T));
  }
}

template <typename T>
void copy_runs(const T* source, ptrdiff_t source_step, T* destination, ptrdiff_t destination_step, size_t rows,
               size_t size) {
  switch (size) {
    case 1:
      return copy_narrow<T, 1>(source, source_step, destination, destination_step, rows);
    case 2:
      return copy_narrow<T, 2>(source, source_step, destination, destination_step, rows);
    case 3:
      return copy_narrow<T, 3>(source, source_step, destination, destination_step, rows);
    case 4:
      return copy_narrow<T, 4>(source, source_step, destination, destination_step, rows);
    case 8:
      return copy_narrow<T, 8>(source, source_step, destination, destination_step, rows);
    case 16:
      return copy_narrow<T, 16>(source, source_step, destination, destination_step, rows);
    default:
      for (size_t r = 0; r < rows; r++, source += source_step, destination += destination_step) {
        std::memcpy(destination, source, size * sizeof(T));
      }
  }
}

// The two innermost dimensions.
template <typename T>
void copy_plane(const StridedCopy& c, const T* source, T* destination) {
  const size_t last = c.rank - 1, rows = c.dims[last - 1], size = c.dims[last];
  const ptrdiff_t source_row = c.source_stride[last - 1], destination_row = c.destination_stride[last - 1];
  const ptrdiff_t source_step = c.source_stride[last], destination_step = c.destination_stride[last];
  if (source_step == 1 && destination_step == 1) {
    copy_runs(source, source_row, destination, destination_row, rows, size);
    return;
  }
  for (size_t r = 0; r < rows; r++, source += source_row, destination += destination_row) {
    const T* from = source;
    T* to = destination;
    for (size_t i = 0; i < size; i++, from += source_step, to += destination_step) *to = *from;
  }
}

template <typename T>
void copy_dimension(const StridedCopy& c, size_t d, const T* source, T* destination) {
  if (d + 2 == c.rank) return copy_plane(c, source, destination);
  for (size_t i = 0; i < c.dims[d]; i++) {
    copy_dimension(c, d + 1, source, destination);
    source += c.source_stride[d];
    destination += c.destination_stride[d];
  }
}

// A copy whose last two dimensions swap is a batch of matrix transposes.
bool is_transpose_32(const StridedCopy& c) {
  return c.element_bytes == 4 && c.rank >= 2 && c.source_stride[c.rank - 1] != 1 && c.source_stride[c.rank - 2] == 1 &&
         c.destination_stride[c.rank - 1] == 1 && c.destination_stride[c.rank - 2] > 0 &&
         c.source_stride[c.rank - 1] > 0;
}

void copy_transposing(const StridedCopy& c, size_t d, const uint32_t* source, uint32_t* destination,
                      const LayoutFamily& family) {
  if (d + 2 == c.rank) {
    family.transpose_32(source, static_cast<size_t>(c.source_stride[d + 1]), c.dims[d + 1], c.dims[d], destination,
                        static_cast<size_t>(c.destination_stride[d]));
    return;
  }
  for (size_t i = 0; i < c.dims[d]; i++) {
    copy_transposing(c, d + 1, source, destination, family);
    source += c.source_stride[d];
    destination += c.destination_stride[d];
  }
}

// On one thread, and of any rank.
void copy_all(StridedCopy copy, const void* source, void* destination, const LayoutFamily& family) {
  // At least two dimensions from here on; join_dimensions has left room.
  for (; copy.rank < 2; copy.rank++) {
    for (size_t d = copy.rank; d > 0; d--) {
      copy.dims[d] = copy.dims[d - 1];
      copy.source_stride[d] = copy.source_stride[d - 1];
      copy.destination_stride[d] = copy.destination_stride[d - 1];
    }
    copy.dims[0] = 1;
    copy.source_stride[0] = copy.destination_stride[0] = 1;
  }
  if (is_transpose_32(copy)) {
    return copy_transposing(copy, 0, static_cast<const uint32_t*>(source), static_cast<uint32_t*>(destination), family);
  }
  switch (copy.element_bytes) {
    case 1:
      return copy_dimension(copy, 0, static_cast<const uint8_t*>(source), static_cast<uint8_t*>(destination));
    case 2:
      return copy_dimension(copy, 0, static_cast<const uint16_t*>(source), static_cast<uint16_t*>(destination));
    case 4:
      return copy_dimension(copy, 0, static_cast<const uint32_t*>(source), static_cast<uint32_t*>(destination));
    case 8:
      return copy_dimension(copy, 0, static_cast<const uint64_t*>(source), static_cast<uint64_t*>(destination));
    default:
      assert(false && "element size is 1, 2, 4 or 8");
  }
}

}  // namespace

void transpose_matrices(size_t element_bytes, size_t batch, size_t rows, size_t columns, const void* source,
                        void* destination, const KernelContext& context) {
  const size_t matrix_bytes = rows * columns * element_bytes;
  if (matrix_bytes == 0) return;
  if (rows == 1 || columns == 1) {
    std::memcpy(destination, source, batch * matrix_bytes);
    return;
  }
  const size_t parts = parts_for(context.parallel, batch, rows * columns * kMoveWork);
  parallel_for(context.parallel, parts, [&](size_t index, unsigned) {
    const Part part = part_of(batch, index, parts);
    for (size_t i = part.begin; i < part.end; i++) {
      transpose_matrix(element_bytes, rows, columns, static_cast<const uint8_t*>(source) + i * matrix_bytes,
                       static_cast<uint8_t*>(destination) + i * matrix_bytes, *context.kernels->layout);
    }
  });
}

void strided_copy(const StridedCopy& copy, const void* source, void* destination, const KernelContext& context) {
  assert(copy.rank <= kMaxCopyRank);
  for (size_t d = 0; d < copy.rank; d++) {
    if (copy.dims[d] == 0) return;
  }
  const StridedCopy joined = join_dimensions(in_destination_order(copy));
  if (joined.rank == 0) return copy_all(joined, source, destination, *context.kernels->layout);
  size_t inner = 1;
  for (size_t d = 1; d < joined.rank; d++) inner *= joined.dims[d];
  const size_t parts = parts_for(context.parallel, joined.dims[0], inner * kMoveWork);
  const auto bytes = static_cast<ptrdiff_t>(joined.element_bytes);
  parallel_for(context.parallel, parts, [&](size_t index, unsigned) {
    const Part part = part_of(joined.dims[0], index, parts);
    const auto first = static_cast<ptrdiff_t>(part.begin);
    StridedCopy mine = joined;
    mine.dims[0] = part.end - part.begin;
    copy_all(mine, static_cast<const uint8_t*>(source) + first * joined.source_stride[0] * bytes,
             static_cast<uint8_t*>(destination) + first * joined.destination_stride[0] * bytes,
             *context.kernels->layout);
  });
}

}  // namespace sealedge
