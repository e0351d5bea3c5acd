// An ONNX file as a tree that a mutator can change: what the schema says is a message is a node with children, all else
// is a leaf. Parsing is lenient, writing keeps every field in its place. Fields live in the arena of the mutation: made
// and dropped by the hundred each time, they cost more on the sanitizer's heap than what is fuzzed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sealedge::fuzz {

// The messages of onnx.proto that are taken apart.
enum class Message : uint8_t {
  kNone,  // a leaf
  kModel,
  kGraph,
  kNode,
  kAttribute,
  kTensor,
  kEntry,  // StringStringEntryProto
  kValueInfo,
  kType,
  kTensorType,
  kShape,
  kDim,
  kOperatorSet,
};

struct Field {
  uint32_t number = 0;
  uint8_t wire_type = 0;
  uint64_t scalar = 0;     // wire types 0, 1 and 5
  std::pmr::string bytes;  // a leaf of wire type 2
  Message message = Message::kNone;
  std::pmr::vector<Field> children;  // of a message
};

// While it lives, every field made takes its memory from here; none may outlive it. One at a time.
class FieldArena {
 public:
  FieldArena() : before_(std::pmr::set_default_resource(&memory_)) {}
  ~FieldArena() { std::pmr::set_default_resource(before_); }
  FieldArena(const FieldArena&) = delete;
  FieldArena& operator=(const FieldArena&) = delete;

 private:
  static constexpr size_t kUsualBytes = size_t{1} << 20;
  static std::array<std::byte, kUsualBytes>& buffer();

  std::pmr::monotonic_buffer_resource memory_{buffer().data(), kUsualBytes, std::pmr::new_delete_resource()};
  std::pmr::memory_resource* before_;
};

// Field numbers (onnx.proto).
enum : uint32_t {
  kModelGraph = 7,
  kModelOpset = 8,
  kGraphNode = 1,
  kGraphInitializer = 5,
  kGraphInput = 11,
  kGraphOutput = 12,
  kNodeInput = 1,
  kNodeOutput = 2,
  kNodeOpType = 4,
  kNodeAttribute = 5,
  kNodeDomain = 7,
  kAttributeName = 1,
  kAttributeF = 2,
  kAttributeI = 3,
  kAttributeS = 4,
  kAttributeFloats = 7,
  kAttributeInts = 8,
  kAttributeType = 20,
  kTensorDims = 1,
  kTensorDataType = 2,
  kTensorName = 8,
  kTensorRawData = 9,
  kValueInfoName = 1,
  kTensorTypeElemType = 1,
  kShapeDim = 1,
  kDimValue = 1,
  kDimParam = 2,
  kOpsetVersion = 2,
};

// Nothing when the bytes are no protobuf message.
std::optional<Field> parse_tree(std::span<const uint8_t> model);
// How many bytes it wrote; 0, and nothing written: it does not fit, or is empty.
size_t write_tree(const Field& root, std::span<uint8_t> out);

// Of one message: its fields with this number.
std::pmr::vector<Field*> fields_of(Field* message, uint32_t number);
// Every message of a kind, the root included.
std::pmr::vector<Field*> find_messages(Field* root, Message kind);

Field make_scalar(uint32_t number, uint64_t value);
Field make_bytes(uint32_t number, std::string_view value);
Field make_message(uint32_t number, Message kind);

}  // namespace sealedge::fuzz
