// A bounds-checked cursor, so that a parser reads like its format's schema. Never allocates; a failed read moves
// nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sealedge {

class ByteReader {
 public:
  explicit ByteReader(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  size_t position() const { return position_; }
  size_t remaining() const { return bytes_.size() - position_; }
  bool at_end() const { return position_ == bytes_.size(); }

  // Each returns false, and leaves *out and the position alone, when fewer bytes remain.
  bool read_u8(uint8_t* out);
  bool read_u16be(uint16_t* out);
  bool read_u32be(uint32_t* out);
  bool read_u64be(uint64_t* out);
  bool read_u32le(uint32_t* out);
  bool read_u64le(uint64_t* out);
  bool read_span(size_t size_bytes, std::span<const uint8_t>* out);
  bool skip(size_t size_bytes);

 private:
  std::span<const uint8_t> bytes_;
  size_t position_ = 0;
};

}  // namespace sealedge
