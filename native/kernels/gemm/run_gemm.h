// The GEMM driver behind f32_gemm and f32_conv. Panels of B are walked in the outer loop and rows of A in the inner
// one, so that a weight source yields every panel once per thread and run; the panels of one piece share the rows while
// these are in L1.
#pragma once

#include "kernels/epilogue.h"
#include "kernels/gemm/run_rows.h"
#include "kernels/kernel_context.h"
#include "kernels/weight_source.h"

namespace sealedge {

using RunRows = RunRowsOf<float>;

struct F32RunGemm {
  RunRows rows;
  const ptrdiff_t* run_offsets;  // [runs], as in F32GemmTile
  size_t runs;
  size_t run_length;
  // B's panels may be deeper: these runs meet steps first_step .. of panel_steps (a group of a transposed convolution).
  // 0: they are all there is.
  size_t panel_steps = 0;
  size_t first_step = 0;
  // The columns of B that are computed: lane_first .. lane_first + lanes - 1 (a group of a convolution; all otherwise).
  size_t lane_first;
  size_t lanes;
  float* c;  // where column 0 of B would be stored for row 0
  size_t c_stride;
  // Rows of C follow one another in segments of c_segment, which begin c_segment_step rows apart (a part of an image).
  // 0: all of them do.
  size_t c_segment = 0;
  size_t c_segment_step = 0;
  bool accumulate = false;  // start from C instead of zero
  bool finish = true;       // false: more will be added to C, and epilogue has to wait
  F32Epilogue epilogue;     // indexed by columns of B
};

void f32_run_gemm(const F32RunGemm& gemm, const WeightSource& b, const KernelContext& context);

}  // namespace sealedge
