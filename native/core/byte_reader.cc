#include "core/byte_reader.h"

namespace sealedge {
namespace {

template <typename T>
T load_be(const uint8_t* bytes) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) value = static_cast<T>((value << 8) | bytes[i]);
  return value;
}

template <typename T>
T load_le(const uint8_t* bytes) {
  T value = 0;
  for (size_t i = sizeof(T); i-- > 0;) value = static_cast<T>((value << 8) | bytes[i]);
  return value;
}

}  // namespace

bool ByteReader::read_span(size_t size_bytes, std::span<const uint8_t>* out) {
  if (size_bytes > remaining()) return false;
  *out = bytes_.subspan(position_, size_bytes);
  position_ += size_bytes;
  return true;
}

bool ByteReader::skip(size_t size_bytes) {
  std::span<const uint8_t> skipped;
  return read_span(size_bytes, &skipped);
}

bool ByteReader::read_u8(uint8_t* out) {
  std::span<const uint8_t> field;
  if (!read_span(sizeof(*out), &field)) return false;
  *out = field[0];
  return true;
}

bool ByteReader::read_u16be(uint16_t* out) {
  std::span<const uint8_t> field;
  if (!read_span(sizeof(*out), &field)) return false;
  *out = load_be<uint16_t>(field.data());
  return true;
}

bool ByteReader::read_u32be(uint32_t* out) {
  std::span<const uint8_t> field;
  if (!read_span(sizeof(*out), &field)) return false;
  *out = load_be<uint32_t>(field.data());
  return true;
}

bool ByteReader::read_u64be(uint64_t* out) {
  std::span<const uint8_t> field;
  if (!read_span(sizeof(*out), &field)) return false;
  *out = load_be<uint64_t>(field.data());
  return true;
}

bool ByteReader::read_u32le(uint32_t* out) {
  std::span<const uint8_t> field;
  if (!read_span(sizeof(*out), &field)) return false;
  *out = load_le<uint32_t>(field.data());
  return true;
}

bool ByteReader::read_u64le(uint64_t* out) {
  std::span<const uint8_t> field;
  if (!read_span(sizeof(*out), &field)) return false;
  *out = load_le<uint64_t>(field.data());
  return true;
}

}  // namespace sealedge
