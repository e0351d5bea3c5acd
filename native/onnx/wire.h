// The protobuf wire format (protobuf.dev/programming-guides/encoding), as far as ONNX files use it. Zero copy: fields
// are spans into the caller's bytes. Never recurses: a nested message is a span, read by a WireReader of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace sealedge {

enum class WireType : uint8_t { kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kFixed32 = 5 };

struct WireField {
  uint32_t number = 0;
  WireType type = WireType::kVarint;
  uint64_t scalar = 0;             // kVarint, kFixed32, kFixed64
  std::span<const uint8_t> bytes;  // kLengthDelimited

  int64_t as_int64() const { return static_cast<int64_t>(scalar); }
  // int32 and enum fields travel as 64-bit varints; the upper half is dropped, as every protobuf reader does.
  int32_t as_int32() const { return static_cast<int32_t>(static_cast<uint32_t>(scalar)); }
  float as_float() const {
    const auto bits = static_cast<uint32_t>(scalar);
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
  double as_double() const {
    double value;
    std::memcpy(&value, &scalar, sizeof value);
    return value;
  }
  std::string_view as_string() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
};

// Reads a varint at *position. False, leaving *position alone, when it is cut, longer than ten bytes or beyond 64 bits.
bool read_varint(std::span<const uint8_t> bytes, size_t* position, uint64_t* value);

class WireReader {
 public:
  explicit WireReader(std::span<const uint8_t> message) : bytes_(message) {}

  // The next field. False at the end of the message, and at the first malformed byte: then ok() is false.
  // Refused: field number 0, groups (wire types 3 and 4, never used by ONNX), wire types 6 and 7, lengths past the end.
  bool next(WireField* field);
  bool ok() const { return ok_; }
  // Where the next field starts, or where reading failed.
  size_t position() const { return position_; }

 private:
  bool fail() {
    ok_ = false;
    return false;
  }
  std::span<const uint8_t> bytes_;
  size_t position_ = 0;
  bool ok_ = true;
};

// One occurrence of a repeated scalar field, packed or not, appended to *values or added to *count. False when
// malformed or of a wire type that the field cannot have.
bool append_varints(const WireField& field, std::vector<int64_t>* values);
bool count_floats(const WireField& field, size_t* count);

}  // namespace sealedge
