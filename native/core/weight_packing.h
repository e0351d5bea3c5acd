// Row-major ONNX weights <-> the blocked layouts of core/weight_layout.h, exactly, both ways (SPEC.md "Layouts").
// Used when sealing, when unsealing, and when a plain model is loaded. float32 only: other types stay kPlain.
//
// O output channels (lanes), I input channels, T spatial taps (product of the kernel's spatial sizes), K = T * I.
//   kPanel16, kConvOIHW    W (O, I, T):   packed[o / 16][t * I + i][o % 16] = W[o][i][t]
//   kPanel16, kGemmKN      B (K, N=O):    packed[n / 16][k][n % 16]         = B[k][n]
//   kPanel16, kGemmNK      B (N=O, K):    packed[n / 16][k][n % 16]         = B[n][k]
//   kDepthwise16           W (C=O, 1, T): packed[c / 16][t][c % 16]         = W[c][0][t]
// N may be several dimensions, read as one. Lanes past O in the last panel are zero.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/result.h"
#include "core/weight_layout.h"

namespace sealedge {

struct WeightGeometry {
  WeightLayout layout = WeightLayout::kPlain;
  WeightSourceOrder order = WeightSourceOrder::kNone;
  size_t lanes = 0;       // O
  size_t inputs = 0;      // I (K for Gemm, 1 for depthwise)
  size_t taps = 0;        // T (1 for Gemm)
  size_t panels = 0;      // ceil(O / 16)
  size_t size_bytes = 0;  // of the packed weight

  size_t depth() const { return inputs * taps; }  // K
  size_t panel_size_bytes() const { return depth() * kPanelLanes * sizeof(float); }
  // Elements between two rows of the row-major tensor: N for kGemmKN, K for the others.
  size_t row_stride() const { return order == WeightSourceOrder::kGemmKN ? lanes : depth(); }
};

// Fails with kModelInvalid when dims do not fit the layout and order, or sizes overflow. Not for kPlain.
Result<WeightGeometry> weight_geometry(WeightLayout layout, WeightSourceOrder order, std::span<const int64_t> dims);

// One panel of valid_lanes (<= 16) lanes. `rows` is the first lane's row (for kGemmKN: the first lane's column in row
// 0) of a row-major tensor, or of a strip of it, whose rows are `stride` elements apart. out holds panel_size_bytes().
void pack_panel(const WeightGeometry& geometry, const float* rows, size_t stride, size_t valid_lanes, float* out);
void unpack_panel(const WeightGeometry& geometry, const float* panel, size_t valid_lanes, float* rows, size_t stride);

// The whole tensor: row_major has lanes * depth() elements, packed has size_bytes. No overlap.
void pack_weight(const WeightGeometry& geometry, const float* row_major, float* packed);
void unpack_weight(const WeightGeometry& geometry, const float* packed, float* row_major);

}  // namespace sealedge
