#include "fuzz/proto_tree.h"

#include <algorithm>
#include <cstring>

#include "onnx/wire.h"

namespace sealedge::fuzz {

namespace {

constexpr int kMaxDepth = 32;

Message child_message(Message parent, uint32_t number) {
  struct Row {
    Message parent;
    uint32_t number;
    Message child;
  };
  static constexpr Row kRows[] = {
      {Message::kModel, kModelGraph, Message::kGraph},
      {Message::kModel, kModelOpset, Message::kOperatorSet},
      {Message::kGraph, kGraphNode, Message::kNode},
      {Message::kGraph, kGraphInitializer, Message::kTensor},
      {Message::kGraph, kGraphInput, Message::kValueInfo},
      {Message::kGraph, kGraphOutput, Message::kValueInfo},
      {Message::kNode, kNodeAttribute, Message::kAttribute},
      {Message::kAttribute, 5, Message::kTensor},
      {Message::kAttribute, 6, Message::kGraph},
      {Message::kAttribute, 10, Message::kTensor},
      {Message::kAttribute, 11, Message::kGraph},
      {Message::kTensor, 13, Message::kEntry},
      {Message::kValueInfo, 2, Message::kType},
      {Message::kType, 1, Message::kTensorType},
      {Message::kTensorType, 2, Message::kShape},
      {Message::kShape, kShapeDim, Message::kDim},
  };
  for (const Row& row : kRows) {
    if (row.parent == parent && row.number == number) return row.child;
  }
  return Message::kNone;
}

bool parse(std::span<const uint8_t> bytes, int depth, Field* message) {
  WireReader reader(bytes);
  message->children.reserve(8);
  for (WireField wire; reader.next(&wire);) {
    Field& field = message->children.emplace_back();
    field.number = wire.number;
    field.wire_type = static_cast<uint8_t>(wire.type);
    field.scalar = wire.scalar;
    if (wire.type != WireType::kLengthDelimited) continue;
    const Message kind = child_message(message->message, wire.number);
    if (kind != Message::kNone && depth < kMaxDepth) {
      field.message = kind;
      if (parse(wire.bytes, depth + 1, &field)) continue;
      field.message = Message::kNone;
      field.children.clear();
    }
    field.bytes.assign(wire.bytes.begin(), wire.bytes.end());
  }
  return reader.ok();
}

// Writes towards the front, so that the length of a message is known when its turn comes.
class BackwardWriter {
 public:
  explicit BackwardWriter(std::span<uint8_t> buffer) : buffer_(buffer), at_(buffer.size()) {}

  // False: it does not fit.
  bool put_fields(const Field& message) {
    for (auto field = message.children.rbegin(); field != message.children.rend(); ++field) {
      if (!put_value(*field) || !put_varint(uint64_t{field->number} << 3 | field->wire_type)) return false;
    }
    return true;
  }
  std::span<const uint8_t> written() const { return buffer_.subspan(at_); }

 private:
  bool put_value(const Field& field) {
    const size_t end = at_;
    switch (field.wire_type) {
      case 0:
        return put_varint(field.scalar);
      case 1:
        return put(&field.scalar, 8);
      case 5:
        return put(&field.scalar, 4);
      default:
        if (field.message == Message::kNone ? !put(field.bytes.data(), field.bytes.size()) : !put_fields(field)) {
          return false;
        }
        return put_varint(end - at_);
    }
  }
  bool put_varint(uint64_t value) {
    uint8_t bytes[10];
    size_t count = 0;
    for (; value >= 0x80; value >>= 7) bytes[count++] = static_cast<uint8_t>(value | 0x80);
    bytes[count++] = static_cast<uint8_t>(value);
    return put(bytes, count);
  }
  bool put(const void* bytes, size_t count) {
    if (count > at_) return false;
    at_ -= count;
    if (count != 0) std::memcpy(buffer_.data() + at_, bytes, count);
    return true;
  }

  std::span<uint8_t> buffer_;
  size_t at_;
};

void collect(Field* field, Message kind, std::pmr::vector<Field*>* found) {
  if (field->message == kind) found->push_back(field);
  for (Field& child : field->children) collect(&child, kind, found);
}

}  // namespace

std::optional<Field> parse_tree(std::span<const uint8_t> model) {
  Field root;
  root.message = Message::kModel;
  if (!parse(model, 0, &root)) return std::nullopt;
  return root;
}

std::array<std::byte, FieldArena::kUsualBytes>& FieldArena::buffer() {
  static std::array<std::byte, kUsualBytes> bytes;
  return bytes;
}

size_t write_tree(const Field& root, std::span<uint8_t> out) {
  std::pmr::vector<uint8_t> buffer(out.size());
  BackwardWriter writer(buffer);
  if (!writer.put_fields(root)) return 0;
  const auto written = writer.written();
  std::ranges::copy(written, out.begin());
  return written.size();
}

std::pmr::vector<Field*> fields_of(Field* message, uint32_t number) {
  std::pmr::vector<Field*> found;
  for (Field& child : message->children) {
    if (child.number == number) found.push_back(&child);
  }
  return found;
}

std::pmr::vector<Field*> find_messages(Field* root, Message kind) {
  std::pmr::vector<Field*> found;
  collect(root, kind, &found);
  return found;
}

Field make_scalar(uint32_t number, uint64_t value) {
  Field field;
  field.number = number;
  field.scalar = value;
  return field;
}

Field make_bytes(uint32_t number, std::string_view value) {
  Field field;
  field.number = number;
  field.wire_type = 2;
  field.bytes = value;
  return field;
}

Field make_message(uint32_t number, Message kind) {
  Field field;
  field.number = number;
  field.wire_type = 2;
  field.message = kind;
  return field;
}

}  // namespace sealedge::fuzz
