// Walking a tensor's elements in row-major order with the offsets of other operands alongside; and index tensors.
#pragma once

#include <array>
#include <cstring>
#include <span>
#include <string>

#include "core/result.h"
#include "graph/tensor.h"

namespace sealedge {

// Counts through `dims`, last dimension fastest, with one offset per operand. Allocates nothing, so a kernel may make
// one in each run.
template <size_t kOperands>
class Walk {
 public:
  // strides[o][d]: how far operand o moves along dimension d, in elements; 0 where it repeats.
  Walk(std::span<const int64_t> dims, const std::array<std::span<const int64_t>, kOperands>& strides)
      : rank_(dims.size()) {
    for (size_t d = 0; d < rank_; ++d) {
      dims_[d] = dims[d];
      for (size_t o = 0; o < kOperands; ++o) strides_[o][d] = strides[o][d];
    }
  }
  int64_t offset(size_t operand = 0) const { return offset_[operand]; }
  void next() {
    for (size_t d = rank_; d-- > 0;) {
      for (size_t o = 0; o < kOperands; ++o) offset_[o] += strides_[o][d];
      if (++index_[d] < dims_[d]) return;
      for (size_t o = 0; o < kOperands; ++o) offset_[o] -= strides_[o][d] * dims_[d];
      index_[d] = 0;
    }
  }

 private:
  size_t rank_;
  int64_t dims_[kMaxRank];
  int64_t index_[kMaxRank] = {};
  int64_t strides_[kOperands][kMaxRank];
  int64_t offset_[kOperands] = {};
};

// Elements of an int32 or int64 tensor.
class IndexReader {
 public:
  IndexReader(const uint8_t* data, DataType type) : data_(data), wide_(type == DataType::kInt64) {}
  static bool accepts(DataType type) { return type == DataType::kInt64 || type == DataType::kInt32; }

  // Call it once per element and keep the result: the caller's memory may change under us, and what was checked must
  // be what is used.
  int64_t operator[](size_t i) const {
    if (wide_) {
      int64_t value;
      std::memcpy(&value, data_ + i * sizeof value, sizeof value);
      return value;
    }
    int32_t value;
    std::memcpy(&value, data_ + i * sizeof value, sizeof value);
    return value;
  }

 private:
  const uint8_t* data_;
  bool wide_;
};

// An index that may count from the end, as one in [0, size); -1 when it is out of range.
inline int64_t resolve_index(int64_t index, int64_t size) {
  if (index < -size || index >= size) return -1;
  return index < 0 ? index + size : index;
}

inline Error index_out_of_range(int64_t index, int64_t size) {
  return Error{ErrorCode::kInputInvalid,
               "index " + std::to_string(index) + " is out of range for " + std::to_string(size) + " entries"};
}

}  // namespace sealedge
