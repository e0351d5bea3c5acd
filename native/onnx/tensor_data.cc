#include "onnx/tensor_data.h"

#include <bit>
#include <cstring>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "onnx/wire.h"

namespace sealedge {

static_assert(std::endian::native == std::endian::little, "raw_data is little-endian and is used as it lies");

namespace {

Error wrong_size(const TensorProto& tensor, size_t expected, size_t got) {
  return Error{ErrorCode::kModelInvalid, "tensor '" + printable(tensor.name) + "': expected " +
                                             std::to_string(expected) + " bytes, got " + std::to_string(got)};
}

// onnx.proto, TensorProto: which typed field holds which data type.
enum TypedField : uint32_t {
  kFloatData = 4,
  kInt32Data = 5,  // also the smaller integers, bool, float16 and bfloat16 as bits, and bytes of several elements
  kInt64Data = 7,
  kDoubleData = 10,
  kUint64Data = 11,  // also uint32
};

uint32_t typed_field_of(DataType type) {
  switch (type) {
    case DataType::kFloat32:
      return kFloatData;
    case DataType::kFloat64:
      return kDoubleData;
    case DataType::kInt64:
      return kInt64Data;
    case DataType::kUint32:
    case DataType::kUint64:
      return kUint64Data;
    default:
      return kInt32Data;
  }
}

// Appends values to a span of fixed size, so that no more is ever kept than the tensor may have.
class Sink {
 public:
  explicit Sink(std::span<uint8_t> out) : out_(out) {}
  bool append(const void* bytes, size_t size_bytes) {
    if (size_bytes > out_.size() - used_) return false;
    if (size_bytes > 0) std::memcpy(out_.data() + used_, bytes, size_bytes);
    used_ += size_bytes;
    return true;
  }
  size_t used() const { return used_; }

 private:
  std::span<uint8_t> out_;
  size_t used_ = 0;
};

// Little-endian truncation: int32_data holds small integers sign- or zero-extended.
bool append_integers(const WireField& field, size_t element_size, Sink* sink) {
  if (field.type == WireType::kVarint) return sink->append(&field.scalar, element_size);
  if (field.type != WireType::kLengthDelimited) return false;
  for (size_t at = 0; at < field.bytes.size();) {
    uint64_t value;
    if (!read_varint(field.bytes, &at, &value) || !sink->append(&value, element_size)) return false;
  }
  return true;
}

// float_data and double_data: fixed-width, so a packed field is already the row-major bytes.
bool append_fixed(const WireField& field, size_t element_size, Sink* sink) {
  const WireType single = element_size == 4 ? WireType::kFixed32 : WireType::kFixed64;
  if (field.type == single) return sink->append(&field.scalar, element_size);
  if (field.type != WireType::kLengthDelimited) return false;
  return sink->append(field.bytes.data(), field.bytes.size());
}

// Elements from the low bits of each byte on. `packed` may be the end of `out`: element i is written after its byte was
// read, because n elements take no more bytes than lie between its place and the end of those read before.
template <unsigned kBits>
void unpack(bool is_signed, std::span<const uint8_t> packed, std::span<uint8_t> out) {
  constexpr unsigned kInByte = 8 / kBits, kSign = 1U << (kBits - 1), kMask = (1U << kBits) - 1;
  for (size_t i = 0; i < out.size(); ++i) {
    const unsigned value = packed[i / kInByte] >> (i % kInByte * kBits) & kMask;
    out[i] = static_cast<uint8_t>(is_signed ? (value ^ kSign) - kSign : value);
  }
}

}  // namespace

size_t stored_size_bytes(DataType type, size_t size_bytes) {
  const unsigned bits = data_type_packed_bits(type);
  if (bits == 0) return size_bytes;
  const size_t in_byte = 8 / bits;
  return size_bytes / in_byte + (size_bytes % in_byte != 0 ? 1 : 0);
}

void unpack_elements(DataType type, std::span<const uint8_t> packed, std::span<uint8_t> out) {
  const bool is_signed = data_type_in_memory(type) == DataType::kInt8;
  data_type_packed_bits(type) == 4 ? unpack<4>(is_signed, packed, out) : unpack<2>(is_signed, packed, out);
}

Result<TensorFact> tensor_fact(const TensorProto& tensor) {
  TensorFact fact;
  if (tensor.data_type > 0 && tensor.data_type < 256) fact.type = static_cast<DataType>(tensor.data_type);
  if (data_type_size_bytes(fact.type) == 0) {
    return Error{ErrorCode::kOpUnsupported, "tensor '" + printable(tensor.name) + "': data type " +
                                                std::to_string(tensor.data_type) + " is not supported"};
  }
  fact.dims = tensor.dims;
  SEALEDGE_TRY(checked_size_bytes(fact));
  return fact;
}

namespace {

Result<void> decode_stored(const TensorProto& tensor, std::span<uint8_t> out) {
  if (tensor.has_raw_data) {
    if (tensor.raw_data.size() != out.size()) return wrong_size(tensor, out.size(), tensor.raw_data.size());
    if (!out.empty()) std::memcpy(out.data(), tensor.raw_data.data(), out.size());
    return {};
  }
  const auto type = static_cast<DataType>(tensor.data_type);
  const uint32_t wanted = typed_field_of(type);
  const size_t element_size = data_type_size_bytes(type);
  Sink sink(out);
  WireReader reader(tensor.message);
  for (WireField field; reader.next(&field);) {
    if (field.number != wanted) continue;
    const bool fixed = wanted == kFloatData || wanted == kDoubleData;
    if (!(fixed ? append_fixed(field, element_size, &sink) : append_integers(field, element_size, &sink))) {
      return Error{ErrorCode::kModelInvalid, "tensor '" + printable(tensor.name) + "': malformed or too long data"};
    }
  }
  if (sink.used() != out.size()) return wrong_size(tensor, out.size(), sink.used());
  return {};
}

}  // namespace

Result<void> decode_tensor(const TensorProto& tensor, std::span<uint8_t> out) {
  const auto type = static_cast<DataType>(tensor.data_type);
  const std::span<uint8_t> stored = out.last(stored_size_bytes(type, out.size()));
  SEALEDGE_TRY(decode_stored(tensor, stored));
  if (data_type_packed_bits(type) > 0) unpack_elements(type, stored, out);
  return {};
}

}  // namespace sealedge
