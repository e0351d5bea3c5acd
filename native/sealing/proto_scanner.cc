#include "sealing/proto_scanner.h"

#include <algorithm>

namespace sealedge {
namespace {

// Large enough for the names and attributes of several nodes, small enough to skip tensors without reading them.
constexpr size_t kWindowBytes = 4096;
constexpr size_t kMaxVarintBytes = 10;

Error malformed() { return {ErrorCode::kModelInvalid, "model is not a well-formed protobuf message"}; }

}  // namespace

Result<std::span<const uint8_t>> ProtoScanner::peek(size_t count) {
  const size_t wanted = static_cast<size_t>(std::min<uint64_t>(count, end_ - position_));
  const bool inside = position_ >= window_begin_ && position_ + wanted <= window_begin_ + window_.size();
  if (!inside) {
    window_.resize(static_cast<size_t>(std::min<uint64_t>(kWindowBytes, end_ - position_)));
    window_begin_ = position_;
    SEALEDGE_TRY(source_.read_at(position_, window_));
  }
  return std::span<const uint8_t>(window_).subspan(static_cast<size_t>(position_ - window_begin_), wanted);
}

Result<void> ProtoScanner::read_varint(uint64_t* value) {
  SEALEDGE_ASSIGN(const std::span<const uint8_t> bytes, peek(kMaxVarintBytes));
  uint64_t result = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    const uint64_t bits = bytes[i] & 0x7F;
    if (i == kMaxVarintBytes - 1 && bits > 1) return malformed();
    result |= bits << (7 * i);
    if ((bytes[i] & 0x80) == 0) {
      *value = result;
      position_ += i + 1;
      return {};
    }
  }
  return malformed();
}

Result<bool> ProtoScanner::next(ScannedField* field) {
  if (position_ == end_) return false;
  field->field_begin = position_;
  uint64_t tag = 0;
  SEALEDGE_TRY(read_varint(&tag));
  if (tag >> 3 == 0 || tag > UINT32_MAX) return malformed();
  field->number = static_cast<uint32_t>(tag >> 3);
  field->wire_type = static_cast<uint8_t>(tag & 7);
  field->scalar = 0;
  switch (field->wire_type) {
    case 0:
      SEALEDGE_TRY(read_varint(&field->scalar));
      field->begin = position_;
      break;
    case 1:
    case 5: {
      const size_t size = field->wire_type == 1 ? 8 : 4;
      SEALEDGE_ASSIGN(const std::span<const uint8_t> bytes, peek(size));
      if (bytes.size() < size) return malformed();
      for (size_t i = 0; i < size; ++i) field->scalar |= uint64_t{bytes[i]} << (8 * i);
      field->begin = position_;
      position_ += size;
      break;
    }
    case 2: {
      uint64_t length = 0;
      SEALEDGE_TRY(read_varint(&length));
      if (length > end_ - position_) return malformed();
      field->begin = position_;
      position_ += length;
      break;
    }
    default:
      return malformed();
  }
  field->end = position_;
  return true;
}

Result<std::string> read_payload(const ByteSource& source, const ScannedField& field, size_t max_bytes) {
  if (field.wire_type != 2) return malformed();
  if (field.length() > max_bytes)
    return Error{ErrorCode::kLimitExceeded, "model has a name or attribute that is too long"};
  std::string out(static_cast<size_t>(field.length()), '\0');
  SEALEDGE_TRY(source.read_at(field.begin, {reinterpret_cast<uint8_t*>(out.data()), out.size()}));
  return out;
}

}  // namespace sealedge
