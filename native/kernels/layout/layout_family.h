#pragma once

#include <cstddef>
#include <cstdint>

namespace sealedge {

struct LayoutFamily {
  const char* name;
  // (rows, columns) -> (columns, rows) for elements of 4 bytes; steps from row to row in elements.
  void (*transpose_32)(const uint32_t* source, size_t source_step, size_t rows, size_t columns, uint32_t* destination,
                       size_t destination_step);
  // destination[i * planes + p] = source[p * plane_step + i] for i < size: a row of (C, W) to (W, C), meant for few
  // planes.
  void (*interleave_32)(const float* source, size_t plane_step, size_t planes, size_t size, float* destination);
};

extern const LayoutFamily layout_scalar;
extern const LayoutFamily layout_avx2;
extern const LayoutFamily layout_neon;

}  // namespace sealedge
