// Appends protobuf fields to a string; and Rope, a message with holes where tensor data will go.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sealedge {

void append_varint(uint64_t value, std::string* out);
void append_tag(uint32_t field, uint8_t wire_type, std::string* out);
void append_varint_field(uint32_t field, uint64_t value, std::string* out);
void append_bytes_field(uint32_t field, std::string_view bytes, std::string* out);

// Serialised bytes with gaps: lengths around a gap are already those with its contents.
struct Rope {
  struct Hole {
    size_t position = 0;  // in bytes: the contents go before this byte
    uint64_t size_bytes = 0;
    size_t tensor = 0;  // whose data
  };
  std::string bytes;
  std::vector<Hole> holes;

  uint64_t size_bytes() const;
  // As the length-delimited field `number`.
  void append_message(uint32_t field, Rope message);
  // raw_data or the like: a length-delimited field whose payload is a hole.
  void append_hole(uint32_t field, uint64_t size_bytes, size_t tensor);
};

}  // namespace sealedge
