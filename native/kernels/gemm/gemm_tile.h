// The GEMM micro-kernel family. A tile is `rows` <= max_rows rows of C by 16 columns (one panel).
//
// K is cut into runs, so that convolutions need no im2col: element k = r * run_length + j of row i is at
// rows_a[i][run_offsets[r] + j]. A plain matrix has one run; a convolution has one run per kernel row, as the taps
// of a kernel row and their channels are contiguous in channels-last memory.
#pragma once

#include <cstddef>

#include "kernels/epilogue.h"

namespace sealedge {

struct F32GemmTile {
  const float* const* rows_a;    // [rows]
  const ptrdiff_t* run_offsets;  // [runs], elements
  size_t runs;
  size_t run_length;
  const float* panel;  // [runs * run_length][16], 64-byte aligned or not
  // Where lane 0 of the first row would be. Only lanes lane_begin..lane_end - 1 exist in C, scale, shift and residual;
  // the others are neither read nor written, so these addresses may lie outside their arrays.
  float* c;
  size_t c_stride;  // elements
  size_t lane_begin;
  size_t lane_end;
  bool accumulate;              // start from C instead of zero (a later piece of K)
  const F32Epilogue* epilogue;  // on the last piece of K, moved to lane 0 of this tile; otherwise nullptr
};

inline constexpr size_t kMaxGemmRows = 14;

struct F32GemmFamily {
  const char* name;  // f32_gemm_avx2
  // Tiles of 1..max_rows rows, indexed by rows - 1.
  size_t max_rows;
  void (*tile[kMaxGemmRows])(const F32GemmTile&);
  // The same for tiles that need only lanes 0..7 (lane_end <= 8): half the arithmetic. May be the same functions.
  size_t narrow_max_rows;
  void (*narrow_tile[kMaxGemmRows])(const F32GemmTile&);
};

extern const F32GemmFamily f32_gemm_scalar;
extern const F32GemmFamily f32_gemm_avx2;
extern const F32GemmFamily f32_gemm_avx512;
extern const F32GemmFamily f32_gemm_neon;

}  // namespace sealedge
