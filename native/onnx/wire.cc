#include "onnx/wire.h"

namespace sealedge {

namespace {

uint64_t load_little_endian(const uint8_t* bytes, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value |= uint64_t{bytes[i]} << (8 * i);
  return value;
}

}  // namespace

bool read_varint(std::span<const uint8_t> bytes, size_t* position, uint64_t* value) {
  uint64_t result = 0;
  for (size_t i = 0; i < 10; ++i) {
    if (*position + i >= bytes.size()) return false;
    const uint8_t byte = bytes[*position + i];
    if (i == 9 && byte > 1) return false;  // bit 64 and beyond
    result |= uint64_t{static_cast<uint8_t>(byte & 0x7f)} << (7 * i);
    if (byte < 0x80) {
      *position += i + 1;
      *value = result;
      return true;
    }
  }
  return false;
}

bool WireReader::next(WireField* field) {
  if (!ok_ || position_ == bytes_.size()) return false;
  size_t at = position_;
  uint64_t tag;
  if (!read_varint(bytes_, &at, &tag)) return fail();
  const uint64_t number = tag >> 3;
  if (number == 0 || number > 0x1fffffff) return fail();
  field->number = static_cast<uint32_t>(number);
  field->scalar = 0;
  field->bytes = {};
  const size_t remaining = bytes_.size() - at;
  switch (tag & 7) {
    case 0:
      field->type = WireType::kVarint;
      if (!read_varint(bytes_, &at, &field->scalar)) return fail();
      break;
    case 1:
      field->type = WireType::kFixed64;
      if (remaining < 8) return fail();
      field->scalar = load_little_endian(bytes_.data() + at, 8);
      at += 8;
      break;
    case 2: {
      field->type = WireType::kLengthDelimited;
      uint64_t length;
      if (!read_varint(bytes_, &at, &length) || length > bytes_.size() - at) return fail();
      field->bytes = bytes_.subspan(at, static_cast<size_t>(length));
      at += static_cast<size_t>(length);
      break;
    }
    case 5:
      field->type = WireType::kFixed32;
      if (remaining < 4) return fail();
      field->scalar = load_little_endian(bytes_.data() + at, 4);
      at += 4;
      break;
    default:
      return fail();
  }
  position_ = at;
  return true;
}

bool append_varints(const WireField& field, std::vector<int64_t>* values) {
  if (field.type == WireType::kVarint) {
    values->push_back(field.as_int64());
    return true;
  }
  if (field.type != WireType::kLengthDelimited) return false;
  for (size_t at = 0; at < field.bytes.size();) {
    uint64_t value;
    if (!read_varint(field.bytes, &at, &value)) return false;
    values->push_back(static_cast<int64_t>(value));
  }
  return true;
}

bool count_floats(const WireField& field, size_t* count) {
  if (field.type == WireType::kFixed32) {
    ++*count;
    return true;
  }
  if (field.type != WireType::kLengthDelimited || field.bytes.size() % sizeof(float) != 0) return false;
  *count += field.bytes.size() / sizeof(float);
  return true;
}

}  // namespace sealedge
