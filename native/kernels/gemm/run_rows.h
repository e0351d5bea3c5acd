// Where the rows of A begin, for the GEMM drivers: a matrix, or the output pixels of a convolution.
#pragma once

#include <cstddef>

namespace sealedge {

// Row m of A starts at base + sum over the digits of m in the mixed radix `size` times `stride` (elements, innermost
// last).
template <typename T>
struct RunRowsOf {
  const T* base;
  size_t size[4];
  size_t stride[4];
  size_t count() const { return size[0] * size[1] * size[2] * size[3]; }

  // Where a dimension continues the one inside it (always for a 1x1 kernel of stride 1) the two are walked as one.
  void join_contiguous() {
    for (int d = 2; d >= 0; d--) {
      if (size[d] != 1 && stride[d] != size[3] * stride[3]) break;
      size[3] *= size[d];
      size[d] = 1;
    }
  }
};

// Walks rows of A in order without a division per row.
template <typename T>
class RowCursor {
 public:
  RowCursor(const RunRowsOf<T>& rows, size_t m) : rows_(rows) {
    for (int d = 3; d >= 0; d--) {
      digit_[d] = m % rows.size[d];
      m /= rows.size[d];
    }
    locate();
  }
  void take(const T** out, size_t count) {
    for (size_t i = 0; i < count; i++) {
      out[i] = row_;
      row_ += rows_.stride[3];
      if (++digit_[3] == rows_.size[3]) carry();
    }
  }

 private:
  void carry() {
    for (int d = 3; d > 0 && digit_[d] == rows_.size[d]; d--) {
      digit_[d] = 0;
      digit_[d - 1]++;
    }
    if (digit_[0] < rows_.size[0]) locate();
  }
  void locate() {
    row_ = rows_.base;
    for (int d = 0; d < 4; d++) row_ += digit_[d] * rows_.stride[d];
  }
  const RunRowsOf<T>& rows_;
  size_t digit_[4];
  const T* row_;
};

}  // namespace sealedge
