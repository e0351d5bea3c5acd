// What a tensor is, apart from its bytes: element type, dimensions in ONNX order, and how memory is arranged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"

namespace sealedge {

// Numbered as onnx.TensorProto.DataType.
enum class DataType : uint8_t {
  kUndefined = 0,
  kFloat32 = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kFloat16 = 10,
  kFloat64 = 11,
  kUint32 = 12,
  kUint64 = 13,
  kBfloat16 = 16,
  // Several in a byte in files; one in a byte here, as the value of 8 bits.
  kUint4 = 21,
  kInt4 = 22,
  kUint2 = 25,
  kInt2 = 26,
};

const char* data_type_name(DataType type);   // "float32", as in onnxruntime-common; "undefined" when unknown
size_t data_type_size_bytes(DataType type);  // 0 for kUndefined and kString, which this engine does not store
bool data_type_is_integer(DataType type);    // signed or unsigned, not bool
// Of a type that has several elements in a byte of a file: the bits of one. 0 for all others.
unsigned data_type_packed_bits(DataType type);
// What its elements are in memory: int8 or uint8 for such a type, itself for all others.
DataType data_type_in_memory(DataType type);

// Dimensions, always in the order of the ONNX model (N, C, spatial...), whatever the Format. All >= 0 once planned.
using Dims = std::vector<int64_t>;

// kRowMajor: the ONNX order. kChannelsLast, for rank >= 3 only: (N, spatial..., C) in memory, dims still (N, C,
// spatial...).
enum class Format : uint8_t { kRowMajor, kChannelsLast };

struct TensorFact {
  DataType type = DataType::kUndefined;
  Dims dims;
};

// Bounds of one tensor: nothing larger is planned or allocated (docs: "Limits").
inline constexpr int64_t kMaxElements = int64_t{1} << 40;
inline constexpr size_t kMaxRank = 16;

// The number of elements; kLimitExceeded when a dimension is negative, the rank or the product too large.
Result<int64_t> checked_element_count(const Dims& dims);
// Precondition: checked_element_count(dims).ok(), as for every tensor of a plan.
int64_t element_count(const Dims& dims);
Result<size_t> checked_size_bytes(const TensorFact& fact);
// kLimitExceeded also above max_bytes, which bounds dimensions beside a 0 as if that was 1: loops may go over them.
Result<size_t> checked_size_bytes(const TensorFact& fact, size_t max_bytes);

// Distance in elements between neighbours along each logical dimension, for a dense tensor held in `format`.
std::vector<int64_t> strides_of(const Dims& dims, Format format);
// True when both formats put every element in the same place (rank < 3, one channel, or one spatial point).
bool formats_coincide(const Dims& dims);

// "[1, 3, 32, 32]", for messages.
std::string dims_to_string(const Dims& dims);

}  // namespace sealedge
