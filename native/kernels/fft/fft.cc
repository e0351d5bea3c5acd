#include "kernels/fft/fft.h"

#include <cmath>

namespace sealedge {
namespace {

Complex64 add(Complex64 a, Complex64 b) { return {a.re + b.re, a.im + b.im}; }
Complex64 sub(Complex64 a, Complex64 b) { return {a.re - b.re, a.im - b.im}; }
Complex64 mul(Complex64 a, Complex64 b) { return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; }
Complex64 conjugate(Complex64 a) { return {a.re, -a.im}; }

bool is_power_of_two(size_t n) { return (n & (n - 1)) == 0; }

// e^(-2 pi i numerator / denominator)
Complex64 root(size_t numerator, size_t denominator) {
  constexpr double kTwoPi = 6.283185307179586476925;
  const double angle = kTwoPi * static_cast<double>(numerator) / static_cast<double>(denominator);
  return {std::cos(angle), -std::sin(angle)};
}

// Decimation in time; roots[i] = root(i, n) for i < n / 2.
void transform(size_t n, const Complex64* roots, Complex64* x) {
  for (size_t i = 1, j = 0; i < n; i++) {  // j is i with its bits reversed
    size_t bit = n >> 1;
    for (; (j & bit) != 0; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      const Complex64 swapped = x[i];
      x[i] = x[j];
      x[j] = swapped;
    }
  }
  for (size_t half = 1; half < n; half *= 2) {
    const size_t step = n / (2 * half);
    for (size_t start = 0; start < n; start += 2 * half) {
      for (size_t i = 0; i < half; i++) {
        const Complex64 even = x[start + i], odd = mul(x[start + half + i], roots[i * step]);
        x[start + i] = add(even, odd);
        x[start + half + i] = sub(even, odd);
      }
    }
  }
}

// The parts of a table: roots of the work length, then for Bluestein the chirp (length) and its transform (work).
size_t root_count(size_t length) { return fft_work_length(length) / 2 + 1; }

}  // namespace

size_t fft_work_length(size_t length) {
  if (is_power_of_two(length)) return length;
  size_t work = 1;
  while (work < 2 * length - 1) work *= 2;
  return work;
}

size_t fft_table_size(size_t length) {
  return root_count(length) + (is_power_of_two(length) ? 0 : length + fft_work_length(length));
}

size_t fft_scratch_size(size_t length) { return is_power_of_two(length) ? 0 : fft_work_length(length); }

void fft_make_table(size_t length, Complex64* table) {
  const size_t work = fft_work_length(length);
  for (size_t i = 0; i < root_count(length); i++) table[i] = root(i, work);
  if (is_power_of_two(length)) return;
  // k n = (k^2 + n^2 - (k - n)^2) / 2: the sum becomes a convolution with the conjugate of chirp[n] = root(n^2, 2 N).
  // n^2 is taken modulo 2 N, where it stays small and exact.
  Complex64* chirp = table + root_count(length);
  Complex64* kernel = chirp + length;
  for (size_t i = 0, square = 0; i < length; i++) {
    chirp[i] = root(square, 2 * length);
    square = (square + 2 * i + 1) % (2 * length);
  }
  for (size_t i = 0; i < work; i++) kernel[i] = {};
  for (size_t i = 0; i < length; i++) {
    kernel[i] = conjugate(chirp[i]);
    if (i > 0) kernel[work - i] = kernel[i];
  }
  transform(work, table, kernel);
}

void fft(size_t length, bool inverse, const Complex64* table, Complex64* x, Complex64* scratch) {
  // The inverse is the transform of the conjugate, conjugated.
  if (inverse) {
    for (size_t i = 0; i < length; i++) x[i] = conjugate(x[i]);
  }
  if (is_power_of_two(length)) {
    transform(length, table, x);
  } else {
    const size_t work = fft_work_length(length);
    const Complex64* chirp = table + root_count(length);
    const Complex64* kernel = chirp + length;
    for (size_t i = 0; i < work; i++) scratch[i] = i < length ? mul(x[i], chirp[i]) : Complex64{};
    transform(work, table, scratch);
    for (size_t i = 0; i < work; i++) scratch[i] = conjugate(mul(scratch[i], kernel[i]));
    transform(work, table, scratch);
    const double scale = 1.0 / static_cast<double>(work);
    for (size_t i = 0; i < length; i++) {
      const Complex64 y = mul(conjugate(scratch[i]), chirp[i]);
      x[i] = {y.re * scale, y.im * scale};
    }
  }
  if (inverse) {
    const double scale = 1.0 / static_cast<double>(length);
    for (size_t i = 0; i < length; i++) x[i] = {x[i].re * scale, -x[i].im * scale};
  }
}

}  // namespace sealedge
