#include "sealing/proto_writer.h"

namespace sealedge {

void append_varint(uint64_t value, std::string* out) {
  while (value > 0x7F) {
    out->push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out->push_back(static_cast<char>(value));
}

void append_tag(uint32_t field, uint8_t wire_type, std::string* out) {
  append_varint(uint64_t{field} << 3 | wire_type, out);
}

void append_varint_field(uint32_t field, uint64_t value, std::string* out) {
  append_tag(field, 0, out);
  append_varint(value, out);
}

void append_bytes_field(uint32_t field, std::string_view bytes, std::string* out) {
  append_tag(field, 2, out);
  append_varint(bytes.size(), out);
  out->append(bytes);
}

uint64_t Rope::size_bytes() const {
  uint64_t size = bytes.size();
  for (const Hole& hole : holes) size += hole.size_bytes;
  return size;
}

void Rope::append_message(uint32_t field, Rope message) {
  append_tag(field, 2, &bytes);
  append_varint(message.size_bytes(), &bytes);
  for (Hole hole : message.holes) {
    hole.position += bytes.size();
    holes.push_back(hole);
  }
  bytes.append(message.bytes);
}

void Rope::append_hole(uint32_t field, uint64_t size_bytes, size_t tensor) {
  append_tag(field, 2, &bytes);
  append_varint(size_bytes, &bytes);
  holes.push_back({bytes.size(), size_bytes, tensor});
}

}  // namespace sealedge
