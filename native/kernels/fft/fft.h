// Discrete Fourier transforms of complex doubles, of any length:
//   X[k] = sum over n of x[n] e^(-2 pi i k n / length)
// A power of two is transformed directly; any other length as a convolution of such lengths (Bluestein), exact up to
// rounding. One implementation for all ISAs: where it matters the transform is short.
#pragma once

#include <cstddef>

namespace sealedge {

struct Complex64 {
  double re = 0, im = 0;
};

// The length at which work is done: `length` itself, or the power of two that holds the convolution.
size_t fft_work_length(size_t length);
// What the two functions below need of tables and scratch, in elements.
size_t fft_table_size(size_t length);
size_t fft_scratch_size(size_t length);

// Fills `table`, which depends on nothing but the length (>= 1).
void fft_make_table(size_t length, Complex64* table);
// In place. The inverse transform is divided by the length.
void fft(size_t length, bool inverse, const Complex64* table, Complex64* x, Complex64* scratch);

}  // namespace sealedge
