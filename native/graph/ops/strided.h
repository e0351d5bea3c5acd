// Describes moves of elements between dense tensors in any Format, for the layout kernel.
#pragma once

#include <vector>

#include "core/result.h"
#include "graph/op.h"
#include "kernels/layout/layout.h"

namespace sealedge {

// `dims` elements starting at *offset elements of each side; strides per dimension, as strides_of() gives them.
struct StridedMove {
  Dims dims;
  std::vector<int64_t> source_stride;
  std::vector<int64_t> destination_stride;
  int64_t source_offset = 0;
  int64_t destination_offset = 0;
};

// The kernel's form: neighbouring dimensions that advance alike are joined and those of size 1 dropped. kOpUnsupported
// when more than kMaxCopyRank remain.
Result<StridedCopy> to_strided_copy(const StridedMove& move, size_t element_bytes);

// A kernel that makes output 0 from moves; moves[i] reads input sources[i]. With `fill`, output 0 is first filled with
// the element at args.inputs[fill_input], or zero when that is null.
struct CopyPlan {
  size_t output = 0;
  size_t element_bytes = 0;
  size_t output_bytes = 0;
  std::vector<StridedMove> moves;
  std::vector<size_t> sources;
  bool fill = false;
  size_t fill_input = SIZE_MAX;
};
Result<std::unique_ptr<Kernel>> make_copy_kernel(std::vector<CopyPlan> plans);
// One that makes all of output 0 in one move out of input 0.
Result<std::unique_ptr<Kernel>> make_move_kernel(const Operand& output, std::vector<int64_t> source_stride,
                                                 int64_t source_offset = 0);

}  // namespace sealedge
