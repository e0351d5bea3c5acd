// Multiply-adds per second of one core with all sums in registers: what a kernel is measured against.
#pragma once

#include <cstddef>

namespace sealedge {

// Each does `count` * 12 independent vector multiply-adds and returns their number of floating-point operations.
double peak_flops_avx2(size_t count, float* sink);
double peak_flops_avx512(size_t count, float* sink);

}  // namespace sealedge
