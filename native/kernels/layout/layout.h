// Moving elements without computing: channels-first to channels-last and back, transposes, slices, concatenation,
// padding. Elements are 1, 2, 4 or 8 bytes and are moved as bits. Source and destination do not overlap.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/kernel_context.h"

namespace sealedge {

// (batch, rows, columns) -> (batch, columns, rows). NCHW to NHWC is rows = C, columns = H*W; back is rows = H*W,
// columns = C.
void transpose_matrices(size_t element_bytes, size_t batch, size_t rows, size_t columns, const void* source,
                        void* destination, const KernelContext& context);

inline constexpr size_t kMaxCopyRank = 8;

// dims outermost first; strides in elements, may be 0 in the source (repeat) or negative (reverse). Transpose, Slice,
// Concat, Expand, Pad, Tile and Split are all one or more of these.
struct StridedCopy {
  size_t element_bytes;
  size_t rank;
  size_t dims[kMaxCopyRank] = {};
  ptrdiff_t source_stride[kMaxCopyRank] = {};
  ptrdiff_t destination_stride[kMaxCopyRank] = {};
};

void strided_copy(const StridedCopy& copy, const void* source, void* destination, const KernelContext& context);

}  // namespace sealedge
