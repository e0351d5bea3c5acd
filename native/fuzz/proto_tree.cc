#include "fuzz/proto_tree.h"

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

void put_varint(uint64_t value, std::string* out) {
  for (; value >= 0x80; value >>= 7) out->push_back(static_cast<char>(value | 0x80));
  out->push_back(static_cast<char>(value));
}

std::string write_fields(const Field& message) {
  std::string out;
  for (const Field& field : message.children) {
    put_varint(uint64_t{field.number} << 3 | field.wire_type, &out);
    switch (field.wire_type) {
      case 0:
        put_varint(field.scalar, &out);
        break;
      case 1:
      case 5:
        out.append(reinterpret_cast<const char*>(&field.scalar), field.wire_type == 1 ? 8 : 4);
        break;
      default: {
        const std::string bytes = field.message == Message::kNone ? field.bytes : write_fields(field);
        put_varint(bytes.size(), &out);
        out += bytes;
      }
    }
  }
  return out;
}

void collect(Field* field, Message kind, std::vector<Field*>* found) {
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

std::string write_tree(const Field& root) { return write_fields(root); }

std::vector<Field*> fields_of(Field* message, uint32_t number) {
  std::vector<Field*> found;
  for (Field& child : message->children) {
    if (child.number == number) found.push_back(&child);
  }
  return found;
}

std::vector<Field*> find_messages(Field* root, Message kind) {
  std::vector<Field*> found;
  collect(root, kind, &found);
  return found;
}

Field make_scalar(uint32_t number, uint64_t value) {
  Field field;
  field.number = number;
  field.scalar = value;
  return field;
}

Field make_bytes(uint32_t number, std::string value) {
  Field field;
  field.number = number;
  field.wire_type = 2;
  field.bytes = std::move(value);
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
