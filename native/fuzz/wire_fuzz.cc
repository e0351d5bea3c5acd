// Hostile bytes under the protobuf reader: the fields of a message to any depth, the messages of an ONNX file, tensors
// in all their codings, and the order of nodes. Whatever is read twice must read the same.
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "graph/tensor.h"
#include "onnx/model_proto.h"
#include "onnx/node_order.h"
#include "onnx/tensor_data.h"
#include "onnx/wire.h"

namespace {

using sealedge::TensorProto;
using sealedge::WireField;
using sealedge::WireReader;

void require(bool condition) {
  if (!condition) abort();
}

// Every field lies inside its message, and the reader moves on.
void read_message(std::span<const uint8_t> message, int depth) {
  WireReader reader(message);
  size_t last = 0;
  for (WireField field; reader.next(&field);) {
    require(reader.position() > last && reader.position() <= message.size());
    last = reader.position();
    std::vector<int64_t> values;
    size_t floats = 0;
    const bool integers = sealedge::append_varints(field, &values);
    require(values.size() <= message.size() && (!integers || field.type != sealedge::WireType::kFixed32));
    if (sealedge::count_floats(field, &floats)) require(floats <= message.size());
    if (field.type != sealedge::WireType::kLengthDelimited) continue;
    require(field.bytes.empty() || (field.bytes.data() >= message.data() &&
                                    field.bytes.data() + field.bytes.size() <= message.data() + message.size()));
    if (depth < 8) read_message(field.bytes, depth + 1);
  }
}

void read_tensor(const TensorProto& tensor) {
  constexpr size_t kMaxBytes = size_t{1} << 16;
  const auto fact = sealedge::tensor_fact(tensor);
  if (!fact.ok()) return;
  const auto size = sealedge::checked_size_bytes(*fact, kMaxBytes);
  if (!size.ok()) return;
  std::vector<uint8_t> first(*size, 0);
  std::vector<uint8_t> second(*size, 0xff);
  const bool decoded = sealedge::decode_tensor(tensor, first).ok();
  require(decoded == sealedge::decode_tensor(tensor, second).ok());
  require(!decoded || first == second);  // every byte was written
}

void read_attribute(const sealedge::AttributeProto& attribute) {
  require(attribute.float_count <= attribute.message.size());
  std::vector<uint8_t> floats(attribute.float_count * sizeof(float));
  sealedge::read_floats(attribute, floats);
  for (const TensorProto& tensor : attribute.tensors) read_tensor(tensor);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> bytes(data, size);
  read_message(bytes, 0);
  if (const auto tensor = sealedge::parse_tensor(bytes); tensor.ok()) read_tensor(*tensor);
  const auto model = sealedge::parse_model(bytes);
  if (!model.ok()) return 0;
  for (const TensorProto& tensor : model->graph.initializers) read_tensor(tensor);
  for (const sealedge::NodeProto& node : model->graph.nodes) {
    for (const sealedge::AttributeProto& attribute : node.attributes) read_attribute(attribute);
  }
  if (const auto order = sealedge::running_order(model->graph.nodes); order.ok()) {
    std::vector<bool> seen(model->graph.nodes.size(), false);
    for (const size_t index : *order) {
      require(!seen[index]);
      seen[index] = true;
    }
    require(order->size() == seen.size());
  }
  return 0;
}
