// An ONNX file as a tree that a mutator can change: what the schema says is a message is a node with children, all else
// is a leaf. Parsing is lenient, writing keeps every field in its place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
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
  uint64_t scalar = 0;  // wire types 0, 1 and 5
  std::string bytes;    // a leaf of wire type 2
  Message message = Message::kNone;
  std::vector<Field> children;  // of a message
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
std::string write_tree(const Field& root);

// Of one message: its fields with this number.
std::vector<Field*> fields_of(Field* message, uint32_t number);
// Every message of a kind, the root included.
std::vector<Field*> find_messages(Field* root, Message kind);

Field make_scalar(uint32_t number, uint64_t value);
Field make_bytes(uint32_t number, std::string value);
Field make_message(uint32_t number, Message kind);

}  // namespace sealedge::fuzz
