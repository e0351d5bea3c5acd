#include "fuzz/change_fields.h"

#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "graph/tensor.h"
#include "onnx/wire.h"

namespace sealedge::fuzz {

namespace {

// Packed integers become single ones, so that each can be changed.
void unpack_ints(Field* message, uint32_t number) {
  std::pmr::vector<Field> children;
  for (Field& child : message->children) {
    uint64_t value;
    if (child.number == number && child.wire_type == 2) {
      const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(child.bytes.data()), child.bytes.size());
      for (size_t at = 0; at < bytes.size() && read_varint(bytes, &at, &value);) {
        children.push_back(make_scalar(number, value));
      }
    } else {
      children.push_back(std::move(child));
    }
  }
  message->children = std::move(children);
}

void change_ints(Field* message, uint32_t number, Choices* choices) {
  unpack_ints(message, number);
  const auto ints = fields_of(message, number);
  if (ints.empty() || choices->one_in(5)) {
    message->children.push_back(make_scalar(number, static_cast<uint64_t>(choices->number(1))));
  } else if (choices->one_in(5)) {
    erase(message, choices->pick(ints));
  } else {
    Field* chosen = choices->pick(ints);
    chosen->scalar = static_cast<uint64_t>(choices->number(static_cast<int64_t>(chosen->scalar)));
  }
}

void resize_data(Field* tensor, Choices* choices) {
  uint64_t elements = 1;
  for (Field* dim : fields_of(tensor, kTensorDims)) {
    if (__builtin_mul_overflow(elements, dim->scalar, &elements) || elements > 1024) return;
  }
  const auto types = fields_of(tensor, kTensorDataType);
  const size_t size = types.empty() ? 0 : data_type_size_bytes(static_cast<DataType>(types[0]->scalar & 0xff));
  const auto raw = fields_of(tensor, kTensorRawData);
  std::pmr::string bytes = raw.empty() ? std::pmr::string() : raw[0]->bytes;
  bytes.resize(elements * size, static_cast<char>(choices->below(3)));
  // The typed fields would contradict raw_data.
  std::erase_if(tensor->children, [](const Field& field) {
    return (field.number >= 4 && field.number <= 7) || (field.number >= 9 && field.number <= 11);
  });
  tensor->children.push_back(make_bytes(kTensorRawData, bytes));
}

void change_contents(Field* tensor, Choices* choices) {
  const auto raw = fields_of(tensor, kTensorRawData);
  if (raw.empty() || raw[0]->bytes.empty()) return change_ints(tensor, choices->one_in(2) ? 7 : 5, choices);
  const auto types = fields_of(tensor, kTensorDataType);
  const size_t size = types.empty() ? 1 : data_type_size_bytes(static_cast<DataType>(types[0]->scalar & 0xff));
  const size_t count = size == 0 ? 0 : raw[0]->bytes.size() / size;
  if (count == 0 || types.empty()) return;
  char* element = raw[0]->bytes.data() + static_cast<size_t>(choices->below(static_cast<int>(count))) * size;
  uint64_t value = choices->float_bits();
  if (types[0]->scalar != 1) {
    int64_t old = 0;
    std::memcpy(&old, element, size);
    value = static_cast<uint64_t>(choices->number(old));
  }
  std::memcpy(element, &value, size);
}

}  // namespace

void erase(Field* message, const Field* child) {
  message->children.erase(message->children.begin() + (child - message->children.data()));
}

Field make_attribute(Choices* choices) {
  Field attribute = make_message(kNodeAttribute, Message::kAttribute);
  attribute.children.push_back(make_bytes(kAttributeName, choices->pick(kAttributes)));
  switch (choices->below(4)) {
    case 0:
      attribute.children.push_back(make_scalar(kAttributeI, static_cast<uint64_t>(choices->number(0))));
      attribute.children.push_back(make_scalar(kAttributeType, 2));
      break;
    case 1: {
      Field value = make_scalar(kAttributeF, choices->float_bits());
      value.wire_type = 5;
      attribute.children.push_back(std::move(value));
      attribute.children.push_back(make_scalar(kAttributeType, 1));
      break;
    }
    case 2:
      attribute.children.push_back(make_bytes(kAttributeS, choices->pick(kStrings)));
      attribute.children.push_back(make_scalar(kAttributeType, 3));
      break;
    default:
      for (int count = choices->below(5); count > 0; --count) {
        attribute.children.push_back(make_scalar(kAttributeInts, static_cast<uint64_t>(choices->number(1))));
      }
      attribute.children.push_back(make_scalar(kAttributeType, 7));
  }
  return attribute;
}

void change_attribute(Field* attribute, Choices* choices) {
  for (Field& field : attribute->children) {
    switch (field.number) {
      case kAttributeI:
        field.scalar = static_cast<uint64_t>(choices->number(static_cast<int64_t>(field.scalar)));
        return;
      case kAttributeF:
        field.scalar = choices->float_bits();
        return;
      case kAttributeS:
        field.bytes = choices->pick(kStrings);
        return;
      case kAttributeInts:
        return change_ints(attribute, kAttributeInts, choices);
      default:
        break;
    }
  }
  if (choices->one_in(3)) {
    for (Field* name : fields_of(attribute, kAttributeName)) name->bytes = choices->pick(kAttributes);
  }
}

void change_tensor(Field* tensor, Choices* choices) {
  unpack_ints(tensor, kTensorDims);
  if (choices->one_in(2)) return change_contents(tensor, choices);
  if (choices->one_in(3)) {
    for (Field* type : fields_of(tensor, kTensorDataType)) type->scalar = static_cast<uint64_t>(choices->pick(kTypes));
  } else {
    change_ints(tensor, kTensorDims, choices);
  }
  if (!choices->one_in(10)) resize_data(tensor, choices);
}

void change_value_type(Field* type, Choices* choices) {
  if (choices->one_in(3)) {
    for (Field* elem : fields_of(type, kTensorTypeElemType))
      elem->scalar = static_cast<uint64_t>(choices->pick(kTypes));
    return;
  }
  const auto shapes = find_messages(type, Message::kShape);
  if (shapes.empty()) return;
  Field* shape = choices->pick(shapes);
  const auto dims = fields_of(shape, kShapeDim);
  if (dims.empty() || choices->one_in(5)) {
    Field dim = make_message(kShapeDim, Message::kDim);
    dim.children.push_back(make_scalar(kDimValue, static_cast<uint64_t>(choices->below(5))));
    shape->children.push_back(std::move(dim));
  } else if (choices->one_in(5)) {
    erase(shape, choices->pick(dims));
  } else if (choices->one_in(4)) {
    choices->pick(dims)->children = {make_bytes(kDimParam, "N")};
  } else {
    choices->pick(dims)->children = {make_scalar(kDimValue, static_cast<uint64_t>(choices->number(2)))};
  }
}

void change_opset(Field* opset, Choices* choices) {
  for (Field* version : fields_of(opset, kOpsetVersion))
    version->scalar = static_cast<uint64_t>(1 + choices->below(24));
}

}  // namespace sealedge::fuzz
