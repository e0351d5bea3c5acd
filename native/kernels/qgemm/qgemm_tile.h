// The 8-bit GEMM micro-kernel family: a tile is `rows` <= max_rows rows of A times one panel of kInt8Panel16, with
// int32 sums. K is cut into runs as for the float tile (gemm/gemm_tile.h); here a run is a multiple of 4 long, and
// every run is read to its last byte and not further.
//
// Sums are modulo 2^32 and exact but for that: no instruction in any of these may saturate. What is subtracted for the
// zero points comes in with `start` and `row_terms`:
//
//   sum over k of (a - za)(w - zw) = sum a'w - za' * sum w - zw * sum (a - za),     a' = a + a_bias, za' = za + a_bias
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/requantize.h"

namespace sealedge {

struct Q8GemmTile {
  const uint8_t* const* rows_a;  // [rows]
  const ptrdiff_t* run_offsets;  // [runs]
  size_t runs;
  size_t run_quads;     // length of a run / 4
  const int8_t* panel;  // [runs * run_quads][16][4]
  // Where sums start: [16], for every row; nullptr on a later piece of K, when they start from `partial`.
  const int32_t* start;
  int32_t* partial;  // [rows][16]; written unless `last`
  bool last;
  const int32_t* row_terms;    // [rows], nullptr: weights have no zero point
  const int32_t* weight_zero;  // [16] with row_terms: row_terms[i] * weight_zero[lane] is subtracted
  // Where lane 0 of the first row would be stored; only lanes lane_begin..lane_end - 1 are.
  uint8_t* c;
  size_t c_stride_bytes;
  size_t lane_begin;
  size_t lane_end;
  Q8Epilogue epilogue;  // multiplier: [16]
};

inline constexpr size_t kMaxQ8GemmRows = 12;

struct Q8GemmFamily {
  const char* name;  // q8_gemm_avx2
  size_t max_rows;
  // [A is int8, else uint8][rows - 1]
  void (*tile[2][kMaxQ8GemmRows])(const Q8GemmTile&);
  // What the tile adds to each element of A, to suit its instruction: start must allow for it.
  int32_t a_bias[2];
};

extern const Q8GemmFamily q8_gemm_scalar;
extern const Q8GemmFamily q8_gemm_avx2;
extern const Q8GemmFamily q8_gemm_avx512;
extern const Q8GemmFamily q8_gemm_vnni;
extern const Q8GemmFamily q8_gemm_neon;
extern const Q8GemmFamily q8_gemm_dotprod;

}  // namespace sealedge
