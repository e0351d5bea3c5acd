#include "graph/tensor.h"

#include "core/checked.h"

namespace sealedge {

namespace {

struct TypeRow {
  DataType type;
  const char* name;
  size_t size_bytes;
  bool integer;
};

constexpr TypeRow kTypes[] = {
    {DataType::kFloat32, "float32", 4, false}, {DataType::kUint8, "uint8", 1, true},
    {DataType::kInt8, "int8", 1, true},        {DataType::kUint16, "uint16", 2, true},
    {DataType::kInt16, "int16", 2, true},      {DataType::kInt32, "int32", 4, true},
    {DataType::kInt64, "int64", 8, true},      {DataType::kString, "string", 0, false},
    {DataType::kBool, "bool", 1, false},       {DataType::kFloat16, "float16", 2, false},
    {DataType::kFloat64, "float64", 8, false}, {DataType::kUint32, "uint32", 4, true},
    {DataType::kUint64, "uint64", 8, true},    {DataType::kBfloat16, "bfloat16", 2, false},
    {DataType::kUint4, "uint4", 1, true},      {DataType::kInt4, "int4", 1, true},
    {DataType::kUint2, "uint2", 1, true},      {DataType::kInt2, "int2", 1, true},
};

const TypeRow* find_type(DataType type) {
  for (const TypeRow& row : kTypes) {
    if (row.type == type) return &row;
  }
  return nullptr;
}

}  // namespace

const char* data_type_name(DataType type) {
  const TypeRow* row = find_type(type);
  return row ? row->name : "undefined";
}

size_t data_type_size_bytes(DataType type) {
  const TypeRow* row = find_type(type);
  return row ? row->size_bytes : 0;
}

bool data_type_is_integer(DataType type) {
  const TypeRow* row = find_type(type);
  return row && row->integer;
}

unsigned data_type_packed_bits(DataType type) {
  switch (type) {
    case DataType::kUint4:
    case DataType::kInt4:
      return 4;
    case DataType::kUint2:
    case DataType::kInt2:
      return 2;
    default:
      return 0;
  }
}

DataType data_type_in_memory(DataType type) {
  if (data_type_packed_bits(type) == 0) return type;
  return type == DataType::kInt4 || type == DataType::kInt2 ? DataType::kInt8 : DataType::kUint8;
}

namespace {

// The elements a tensor would have if none of its dimensions were 0. Bounded like the elements themselves: strides are
// products of these dimensions, and loops may go over some of them although there is nothing to compute.
Result<int64_t> checked_extent(const Dims& dims) {
  if (dims.size() > kMaxRank) {
    return Error{ErrorCode::kLimitExceeded,
                 "tensor rank: expected at most " + std::to_string(kMaxRank) + ", got " + std::to_string(dims.size())};
  }
  int64_t extent = 1;
  for (int64_t dim : dims) {
    if (dim < 0) return Error{ErrorCode::kLimitExceeded, "negative dimension in " + dims_to_string(dims)};
    if (dim != 0 && (!checked_mul(extent, dim, &extent) || extent > kMaxElements)) {
      return Error{ErrorCode::kLimitExceeded, "too many elements in " + dims_to_string(dims)};
    }
  }
  return extent;
}

}  // namespace

Result<int64_t> checked_element_count(const Dims& dims) {
  SEALEDGE_TRY(checked_extent(dims));
  return element_count(dims);
}

int64_t element_count(const Dims& dims) {
  int64_t count = 1;
  for (int64_t dim : dims) count *= dim;
  return count;
}

Result<size_t> checked_size_bytes(const TensorFact& fact) {
  SEALEDGE_ASSIGN(const int64_t count, checked_element_count(fact.dims));
  const size_t element_size = data_type_size_bytes(fact.type);
  if (element_size == 0) {
    return Error{ErrorCode::kOpUnsupported, std::string("tensors of type ") + data_type_name(fact.type)};
  }
  return static_cast<size_t>(count) * element_size;  // at most 2^40 * 8
}

Result<size_t> checked_size_bytes(const TensorFact& fact, size_t max_bytes) {
  SEALEDGE_ASSIGN(const size_t size_bytes, checked_size_bytes(fact));
  SEALEDGE_ASSIGN(const int64_t extent, checked_extent(fact.dims));
  const size_t extent_bytes = static_cast<size_t>(extent) * data_type_size_bytes(fact.type);
  if (extent_bytes > max_bytes) {
    return Error{ErrorCode::kLimitExceeded,
                 "a tensor " + dims_to_string(fact.dims) + " of " + data_type_name(fact.type) + ": expected at most " +
                     std::to_string(max_bytes) + (size_bytes == 0 ? " bytes but for its zeros, got " : " bytes, got ") +
                     std::to_string(extent_bytes)};
  }
  return size_bytes;
}

std::vector<int64_t> strides_of(const Dims& dims, Format format) {
  const size_t rank = dims.size();
  std::vector<int64_t> strides(rank, 1);
  if (format == Format::kRowMajor || rank < 3) {
    for (size_t i = rank; i-- > 1;) strides[i - 1] = strides[i] * dims[i];
    return strides;
  }
  int64_t stride = dims[1];
  for (size_t i = rank; i-- > 2;) {
    strides[i] = stride;
    stride *= dims[i];
  }
  strides[0] = stride;
  return strides;
}

bool formats_coincide(const Dims& dims) {
  if (dims.size() < 3 || dims[1] == 1) return true;
  int64_t spatial = 1;
  for (size_t i = 2; i < dims.size(); ++i) spatial *= dims[i];
  return spatial <= 1;
}

std::string dims_to_string(const Dims& dims) {
  std::string text = "[";
  for (size_t i = 0; i < dims.size(); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(dims[i]);
  }
  return text + "]";
}

}  // namespace sealedge
