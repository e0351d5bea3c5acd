#include <immintrin.h>

#include "kernels/layout/layout_family.h"

namespace sealedge {
namespace {

inline __m256 load(const uint32_t* p) {
  return _mm256_castsi256_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
inline void store(uint32_t* p, __m256 v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_castps_si256(v)); }

// 8x8 in registers: pairs of rows, then pairs of pairs, then halves. Moves only, so any 4-byte element survives as
// bits.
void transpose_8x8(const uint32_t* source, size_t source_step, uint32_t* destination, size_t destination_step) {
  __m256 row[8], pair[8], quad[8];
  for (size_t i = 0; i < 8; i++) row[i] = load(source + i * source_step);
  for (int i = 0; i < 4; i++) {
    pair[2 * i] = _mm256_unpacklo_ps(row[2 * i], row[2 * i + 1]);
    pair[2 * i + 1] = _mm256_unpackhi_ps(row[2 * i], row[2 * i + 1]);
  }
  for (int i = 0; i < 2; i++) {
    quad[4 * i] = _mm256_shuffle_ps(pair[4 * i], pair[4 * i + 2], 0x44);
    quad[4 * i + 1] = _mm256_shuffle_ps(pair[4 * i], pair[4 * i + 2], 0xee);
    quad[4 * i + 2] = _mm256_shuffle_ps(pair[4 * i + 1], pair[4 * i + 3], 0x44);
    quad[4 * i + 3] = _mm256_shuffle_ps(pair[4 * i + 1], pair[4 * i + 3], 0xee);
  }
  for (size_t i = 0; i < 4; i++) {
    store(destination + i * destination_step, _mm256_permute2f128_ps(quad[i], quad[i + 4], 0x20));
    store(destination + (i + 4) * destination_step, _mm256_permute2f128_ps(quad[i], quad[i + 4], 0x31));
  }
}

void transpose_rest(const uint32_t* source, size_t source_step, size_t rows, size_t columns, uint32_t* destination,
                    size_t destination_step) {
  for (size_t c = 0; c < columns; c++) {
    for (size_t r = 0; r < rows; r++) destination[c * destination_step + r] = source[r * source_step + c];
  }
}

void transpose_32(const uint32_t* source, size_t source_step, size_t rows, size_t columns, uint32_t* destination,
                  size_t destination_step) {
  const size_t whole_rows = rows / 8 * 8, whole_columns = columns / 8 * 8;
  for (size_t c = 0; c < whole_columns; c += 8) {
    for (size_t r = 0; r < whole_rows; r += 8) {
      transpose_8x8(source + r * source_step + c, source_step, destination + c * destination_step + r,
                    destination_step);
    }
  }
  transpose_rest(source + whole_columns, source_step, whole_rows, columns - whole_columns,
                 destination + whole_columns * destination_step, destination_step);
  transpose_rest(source + whole_rows * source_step, source_step, rows - whole_rows, columns, destination + whole_rows,
                 destination_step);
}

// Three planes, as in RGB images: 8 of each to 24 interleaved. Lane i of a rotated plane lands where the blend wants
// it.
size_t interleave_3(const float* a, const float* b, const float* c, size_t size, float* destination) {
  const __m256i order_a = _mm256_setr_epi32(0, 3, 6, 1, 4, 7, 2, 5);
  const __m256i order_b = _mm256_setr_epi32(5, 0, 3, 6, 1, 4, 7, 2);
  const __m256i order_c = _mm256_setr_epi32(2, 5, 0, 3, 6, 1, 4, 7);
  size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    const __m256 x = _mm256_permutevar8x32_ps(_mm256_loadu_ps(a + i), order_a);  // a0 a3 a6 a1 a4 a7 a2 a5
    const __m256 y = _mm256_permutevar8x32_ps(_mm256_loadu_ps(b + i), order_b);  // b5 b0 b3 b6 b1 b4 b7 b2
    const __m256 z = _mm256_permutevar8x32_ps(_mm256_loadu_ps(c + i), order_c);  // c2 c5 c0 c3 c6 c1 c4 c7
    // a0 b0 c0 a1 b1 c1 a2 b2 | c2 a3 b3 c3 a4 b4 c4 a5 | b5 c5 a6 b6 c6 a7 b7 c7
    _mm256_storeu_ps(destination, _mm256_blend_ps(_mm256_blend_ps(x, y, 0x92), z, 0x24));
    _mm256_storeu_ps(destination + 8, _mm256_blend_ps(_mm256_blend_ps(x, y, 0x24), z, 0x49));
    _mm256_storeu_ps(destination + 16, _mm256_blend_ps(_mm256_blend_ps(x, y, 0x49), z, 0x92));
    destination += 24;
  }
  return i;
}

void interleave_32(const float* source, size_t plane_step, size_t planes, size_t size, float* destination) {
  size_t i = 0;
  if (planes == 3) {
    i = interleave_3(source, source + plane_step, source + 2 * plane_step, size, destination);
  } else if (planes >= 8) {
    transpose_32(reinterpret_cast<const uint32_t*>(source), plane_step, planes, size,
                 reinterpret_cast<uint32_t*>(destination), planes);
    return;
  }
  for (; i < size; i++) {
    for (size_t p = 0; p < planes; p++) destination[i * planes + p] = source[p * plane_step + i];
  }
}

}  // namespace

constexpr LayoutFamily layout_avx2 = {"layout_avx2", transpose_32, interleave_32};

}  // namespace sealedge
