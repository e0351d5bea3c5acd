// Row-major ONNX weights <-> the blocked layouts of core/weight_layout.h, exactly, both ways (SPEC.md "Layouts").
// Used when sealing, when unsealing, and when a plain model is loaded.
//
// O output channels (lanes), I input channels, T spatial taps (product of the kernel's spatial sizes), K = T * I.
//   element (lane, k)
//     kConvOIHW      W (O, I, T):   k = t * I + i:   W[lane][i][t]
//     kGemmKN        B (K, N=O):                     B[k][lane]
//     kGemmNK        B (N=O, K):                     B[lane][k]
//   float32
//     kPanel16, kDepthwise16        p[lane / 16][k][lane % 16]
//   8-bit integers, as int8 (uint8: the element - 128)
//     k(U)Int8Panel16               int32 sum over k for each of 16 lanes, then p[lane / 16][k / 4][lane % 16][k % 4]
//     k(U)Int8Depthwise16           p[lane / 16][k][lane % 16]
// N may be several dimensions, read as one. What is past O or K is zero.
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
  size_t element_bytes() const { return is_byte_layout(layout) ? 1 : sizeof(float); }
  size_t row_major_bytes() const { return lanes * depth() * element_bytes(); }
  size_t panel_size_bytes() const;
  // Elements between two rows of the row-major tensor: N for kGemmKN, K for the others.
  size_t row_stride() const { return order == WeightSourceOrder::kGemmKN ? lanes : depth(); }
};

// Fails with kModelInvalid when dims do not fit the layout and order, or sizes overflow. Not for kPlain.
Result<WeightGeometry> weight_geometry(WeightLayout layout, WeightSourceOrder order, std::span<const int64_t> dims);

// Where element number `element` of the row-major tensor lies in the packed weight, in bytes.
size_t packed_offset_bytes(const WeightGeometry& geometry, size_t element);

// One panel of valid_lanes (<= 16) lanes. `rows` is the first lane's row (for kGemmKN: the first lane's column in row
// 0) of a row-major tensor, or of a strip of it, whose rows are `stride` elements apart. `panel` holds
// panel_size_bytes(). float32 rows and panels are aligned to 4 bytes, panels of integers too.
void pack_panel(const WeightGeometry& geometry, const uint8_t* rows, size_t stride, size_t valid_lanes, uint8_t* panel);
void unpack_panel(const WeightGeometry& geometry, const uint8_t* panel, size_t valid_lanes, uint8_t* rows,
                  size_t stride);

// The whole tensor: row_major has row_major_bytes(), packed has size_bytes. No overlap.
void pack_weight(const WeightGeometry& geometry, const uint8_t* row_major, uint8_t* packed);
void unpack_weight(const WeightGeometry& geometry, const uint8_t* packed, uint8_t* row_major);

}  // namespace sealedge
