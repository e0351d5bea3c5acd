// Walks the fields of one protobuf message in a ByteSource without reading what it skips: tensor data stays on disk.
// For messages in memory, onnx/wire.h is the simpler tool.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "sealing/byte_source.h"

namespace sealedge {

struct ScannedField {
  uint32_t number = 0;
  uint8_t wire_type = 0;     // 0 varint, 1 fixed 64, 2 length-delimited, 5 fixed 32
  uint64_t scalar = 0;       // of types 0, 1 and 5
  uint64_t field_begin = 0;  // the tag
  uint64_t begin = 0;        // the payload of type 2
  uint64_t end = 0;          // of the field, and so of the payload
  uint64_t length() const { return end - begin; }
};

class ProtoScanner {
 public:
  // The message is [begin, end) of `source`, which must outlive the scanner.
  ProtoScanner(const ByteSource& source, uint64_t begin, uint64_t end) : source_(source), position_(begin), end_(end) {}

  // False at the end. Fails with kModelInvalid when the message is malformed (groups included, which ONNX never uses).
  Result<bool> next(ScannedField* field);

 private:
  Result<void> read_varint(uint64_t* value);
  // Up to `count` bytes at the position, fewer at the end of the message.
  Result<std::span<const uint8_t>> peek(size_t count);

  const ByteSource& source_;
  uint64_t position_;
  uint64_t end_;
  std::vector<uint8_t> window_;
  uint64_t window_begin_ = 0;
};

// The payload of a short length-delimited field. Fails with kLimitExceeded beyond `max_bytes`.
Result<std::string> read_payload(const ByteSource& source, const ScannedField& field, size_t max_bytes);

}  // namespace sealedge
