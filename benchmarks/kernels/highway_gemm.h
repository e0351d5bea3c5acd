// The GEMM tile of native/kernels/gemm/gemm_simd.h written with Google Highway instead of intrinsics, to measure one
// against the other (docs/decisions/0002-simd-intrinsics-or-highway.md). Built only where <hwy/highway.h> is installed.
#pragma once

#include <hwy/highway.h>

#include "kernels/gemm/gemm_tile.h"

namespace sealedge::highway {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

template <class D, int kVectors, int kRows>
void tile(const F32GemmTile& t) {
  const D d;
  constexpr size_t kLanes = HWY_MAX_BYTES / sizeof(float);
  hn::Vec<D> acc[kVectors][kRows];
  for (int v = 0; v < kVectors; v++) {
    for (int i = 0; i < kRows; i++) acc[v][i] = hn::Zero(d);
  }
  const float* b = t.panel;
  for (size_t r = 0; r < t.runs; r++) {
    const float* a[kRows];
    for (int i = 0; i < kRows; i++) a[i] = t.rows_a[i] + t.run_offsets[r];
    for (size_t j = 0; j < t.run_length; j++, b += 16) {
      hn::Vec<D> weights[kVectors];
      for (int v = 0; v < kVectors; v++) weights[v] = hn::LoadU(d, b + kLanes * v);
      for (int i = 0; i < kRows; i++) {
        const auto x = hn::Set(d, a[i][j]);
        for (int v = 0; v < kVectors; v++) acc[v][i] = hn::MulAdd(x, weights[v], acc[v][i]);
      }
    }
  }
  for (int v = 0; v < kVectors; v++) {
    for (int i = 0; i < kRows; i++) hn::StoreU(acc[v][i], d, t.c + static_cast<size_t>(i) * t.c_stride + kLanes * v);
  }
}

}  // namespace
}  // namespace sealedge::highway
