// One dense TensorProto as it was found in a file: what it is, and where its elements are. Nothing of its data is read
// yet.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"
#include "sealing/byte_source.h"

namespace sealedge {

// onnx.proto, TensorProto.DataType; only what this room asks for by name.
inline constexpr int32_t kOnnxFloat = 1;
inline constexpr int32_t kOnnxUint8 = 2;
inline constexpr int32_t kOnnxInt8 = 3;
inline constexpr int32_t kOnnxString = 8;

// A stretch of elements in one place of the source.
struct DataRun {
  enum class Coding : uint8_t {
    kFixed,   // little-endian entries of entry_bytes
    kVarint,  // varints, each the value of one entry, cut to entry_bytes
  };
  Coding coding = Coding::kFixed;
  // Unpacked fields: every entry follows a tag of its own, which is one byte for all data fields of TensorProto.
  bool tagged = false;
  uint8_t entry_bytes = 1;
  uint64_t begin = 0;
  uint64_t end = 0;

  // kFixed only: bytes of raw data in it.
  uint64_t raw_bytes() const { return tagged ? (end - begin) / (entry_bytes + 1) * entry_bytes : end - begin; }
};

struct TensorRecord {
  std::string name;
  int32_t data_type = 0;
  std::vector<int64_t> dims;
  std::shared_ptr<const ByteSource> source;  // of the runs: the model, or an external data file
  std::vector<DataRun> runs;
  uint64_t size_bytes = 0;  // of the elements as raw data
  std::vector<std::pair<std::string, std::string>> external_data;

  bool sequential_only() const;  // some run is of varints
  // Fails with kModelInvalid when there is more or less data than type and dims say, as far as can be told without
  // reading.
  Result<void> check_size() const;
};

// Bytes of `count` elements as raw data; 4-bit types are packed in pairs. False for STRING, unknown types, negative
// dims and overflow.
bool raw_size_bytes(int32_t data_type, const std::vector<int64_t>& dims, uint64_t* size_bytes);
// Bytes that one entry of int32_data, int64_data or uint64_data stands for. 0 for types that do not use them.
uint8_t varint_entry_bytes(int32_t data_type);

// Reads the elements as raw data: from front to back or, unless sequential_only(), anywhere. One per thread.
class TensorReader {
 public:
  explicit TensorReader(const TensorRecord& record) : record_(record) {}
  // Fails with kModelInvalid when the tensor has less data than its type and dims say.
  Result<void> read(uint64_t offset, std::span<uint8_t> out);

 private:
  Result<void> read_fixed(uint64_t offset, std::span<uint8_t> out);
  Result<void> read_tagged(const DataRun& run, uint64_t offset, std::span<uint8_t> out);
  Result<void> read_varints(uint64_t offset, std::span<uint8_t> out);
  Result<bool> next_entry(uint64_t* value, uint8_t* entry_bytes);
  Result<bool> next_varint(const DataRun& run, uint64_t* value);

  const TensorRecord& record_;
  std::vector<uint8_t> window_;
  uint64_t window_begin_ = 0;
  // Varints: the next one is at position_ of run_, and has produced_ raw bytes before it.
  size_t run_ = 0;
  uint64_t position_ = 0;
  uint64_t produced_ = 0;
};

}  // namespace sealedge
