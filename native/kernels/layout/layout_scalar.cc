#include "kernels/layout/layout_family.h"

namespace sealedge {
namespace {

void transpose_32(const uint32_t* source, size_t source_step, size_t rows, size_t columns, uint32_t* destination,
                  size_t destination_step) {
  for (size_t c = 0; c < columns; c++) {
    for (size_t r = 0; r < rows; r++) destination[c * destination_step + r] = source[r * source_step + c];
  }
}

void interleave_32(const float* source, size_t plane_step, size_t planes, size_t size, float* destination) {
  for (size_t i = 0; i < size; i++) {
    for (size_t p = 0; p < planes; p++) destination[i * planes + p] = source[p * plane_step + i];
  }
}

}  // namespace

constexpr LayoutFamily layout_scalar = {"layout_scalar", transpose_32, interleave_32};

}  // namespace sealedge
