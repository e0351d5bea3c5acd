// The driver of the 8-bit GEMM, behind q8_conv (qconv/qconv.h). As the float driver it walks panels in the outer loop
// and rows of A in the inner one, so that a weight source yields every piece about once per thread and run.
#pragma once

#include "kernels/gemm/run_rows.h"
#include "kernels/kernel_context.h"
#include "kernels/requantize.h"
#include "kernels/weight_source.h"

namespace sealedge {

struct Q8RunGemm {
  RunRowsOf<uint8_t> rows;
  bool a_signed;
  int32_t a_zero;
  const ptrdiff_t* run_offsets;  // [runs]
  size_t runs;
  size_t run_length;  // a multiple of 4; what is past K meets zero weights
  // The columns of B that are computed: lane_first .. lane_first + lanes - 1 (a group of a convolution; all otherwise).
  size_t lane_first;
  size_t lanes;
  const int32_t* bias;         // per column, nullptr: 0
  const int32_t* weight_zero;  // per column, of the weights as they are packed (int8); nullptr: all 0
  const int32_t* row_terms;    // per row, only with weight_zero: sum over K of (a - a_zero)
  uint8_t* c;                  // where column 0 of B would be stored for row 0
  size_t c_stride;             // elements
  Q8Epilogue epilogue;         // indexed by columns of B
};

// Bytes of the packed B (K, N).
constexpr size_t q8_panel16_bytes(size_t k, size_t n) { return (n + 15) / 16 * (64 + (k + 3) / 4 * 64); }

void q8_run_gemm(const Q8RunGemm& gemm, const WeightSource& b, const KernelContext& context);

}  // namespace sealedge
