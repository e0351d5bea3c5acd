// A mutator that knows what an ONNX model is: it changes operators, edges, attributes, dimensions, element types and
// contents, and keeps the file well-formed around them, so that mutants get past the parser and into shape inference,
// planner and kernels. Linked into the fuzz targets whose input is a model. Now and then it leaves the bytes to
// libFuzzer, so that the parser is not forgotten.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "fuzz/proto_tree.h"
#include "graph/tensor.h"
#include "onnx/import_microsoft.h"
#include "onnx/node_import.h"
#include "onnx/wire.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace sealedge::fuzz {

namespace {

// Sizes and positions near everything that an operator compares them with.
constexpr int64_t kNumbers[] = {
    0,         1,         2,         3,         4,         5,         7,         8,
    9,         16,        17,        31,        64,        127,       128,       255,
    1000,      4096,      65535,     -1,        -2,        -3,        -4,        -5,
    -8,        -9,        -1000,     INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, INT64_MAX - 1,
    1LL << 31, 1LL << 32, 1LL << 40, 1LL << 62};
constexpr float kFloats[] = {0.0f, -0.0f, 1.0f, -1.0f, 0.5f, 2.0f, 1e-45f, 1e-38f, 3e38f, -3e38f, 1e10f, 2147483648.0f};
constexpr int kTypes[] = {1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 16, 8, 17, 21};
const char* const kAttributes[] = {"axis",
                                   "axes",
                                   "keepdims",
                                   "perm",
                                   "to",
                                   "alpha",
                                   "beta",
                                   "gamma",
                                   "epsilon",
                                   "group",
                                   "strides",
                                   "pads",
                                   "dilations",
                                   "kernel_shape",
                                   "auto_pad",
                                   "ceil_mode",
                                   "count_include_pad",
                                   "storage_order",
                                   "output_padding",
                                   "output_shape",
                                   "mode",
                                   "value",
                                   "num_outputs",
                                   "split",
                                   "start",
                                   "end",
                                   "allowzero",
                                   "transA",
                                   "transB",
                                   "broadcast",
                                   "min",
                                   "max",
                                   "noop_with_empty_axes",
                                   "select_last_index",
                                   "largest",
                                   "sorted",
                                   "k",
                                   "batch_dims",
                                   "reduction",
                                   "blocksize",
                                   "coordinate_transformation_mode",
                                   "nearest_mode",
                                   "cubic_coeff_a",
                                   "exclude_outside",
                                   "hidden_size",
                                   "direction",
                                   "layout",
                                   "linear_before_reset",
                                   "activations",
                                   "clip",
                                   "upper",
                                   "exclusive",
                                   "reverse",
                                   "detect_negative",
                                   "detect_positive",
                                   "block_size",
                                   "saturate",
                                   "bias",
                                   "size",
                                   "p",
                                   "equation",
                                   "num_scan_inputs",
                                   "scan_input_axes",
                                   "scan_input_directions",
                                   "scan_output_axes",
                                   "scan_output_directions"};
const char* const kStrings[] = {"",
                                "SAME_UPPER",
                                "SAME_LOWER",
                                "VALID",
                                "NOTSET",
                                "constant",
                                "reflect",
                                "edge",
                                "wrap",
                                "nearest",
                                "linear",
                                "cubic",
                                "bidirectional",
                                "reverse",
                                "forward",
                                "none",
                                "add",
                                "mul",
                                "ij,jk->ik",
                                "...ii->...i",
                                "i->",
                                "ab,ab->ba",
                                "Tanh",
                                "Sigmoid",
                                "DCR",
                                "CRD",
                                "align_corners",
                                "asymmetric",
                                "half_pixel",
                                "pytorch_half_pixel",
                                "tf_crop_and_resize"};

class Mutator {
 private:
  int below(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }
  bool one_in(int n) { return below(n) == 0; }
  template <typename List>
  auto& pick(List& list) {
    return *(std::begin(list) + below(static_cast<int>(std::size(list))));
  }

 public:
  Mutator(Field* model, unsigned seed) : model_(model), random_(seed) {}

  void run() {
    for (int count = 1 + below(4); count > 0; --count) {
      // Anew each time: a change further up may have moved or removed the graph of the last one.
      const auto graphs = find_messages(model_, Message::kGraph);
      if (graphs.empty()) return;
      graph_ = pick(graphs);
      collect_names();
      mutate_once();
    }
  }

  // Takes nodes and initializers of another model over, so that operators of both meet.
  void cross(Field* other) {
    const auto graphs = find_messages(model_, Message::kGraph);
    const auto others = find_messages(other, Message::kGraph);
    if (graphs.empty() || others.empty()) return;
    graph_ = pick(graphs);
    collect_names();
    Field* donor = pick(others);
    const std::string prefix(1, static_cast<char>('a' + below(26)));
    for (Field& field : donor->children) {
      if (field.number != kGraphNode && field.number != kGraphInitializer) continue;
      Field copy = field;
      for (Field& part : copy.children) {
        const bool names = field.number == kGraphNode ? part.number == kNodeInput || part.number == kNodeOutput
                                                      : part.number == kTensorName;
        if (names && part.wire_type == 2 && !part.bytes.empty()) part.bytes.insert(0, prefix);
      }
      graph_->children.push_back(std::move(copy));
    }
    // What the donor took as inputs comes from the host.
    for (Field* input : fields_of(donor, kGraphInput)) {
      for (Field* name : fields_of(input, kValueInfoName)) {
        for (Field& field : graph_->children) {
          if (field.number != kGraphNode) continue;
          for (Field* edge : fields_of(&field, kNodeInput)) {
            if (edge->bytes == prefix + name->bytes) edge->bytes = any_name();
          }
        }
      }
    }
    for (Field* output : fields_of(donor, kGraphOutput)) {
      Field copy = *output;
      for (Field* name : fields_of(&copy, kValueInfoName)) name->bytes.insert(0, prefix);
      graph_->children.push_back(std::move(copy));
    }
  }

 private:
  void collect_names() {
    names_.clear();
    const auto add = [&](Field* message, uint32_t number) {
      for (Field* name : fields_of(message, number)) {
        if (name->wire_type == 2) names_.push_back(name->bytes);
      }
    };
    for (Field& field : graph_->children) {
      if (field.number == kGraphNode) add(&field, kNodeOutput);
      if (field.number == kGraphInitializer) add(&field, kTensorName);
      if (field.number == kGraphInput) add(&field, kValueInfoName);
    }
  }
  std::string any_name() { return names_.empty() || one_in(20) ? std::string() : pick(names_); }

  int64_t any_number(int64_t old) {
    switch (below(4)) {
      case 0:
        return static_cast<int64_t>(static_cast<uint64_t>(old) + 1);
      case 1:
        return static_cast<int64_t>(static_cast<uint64_t>(old) - 1);
      case 2:
        return below(6) - 1;
      default:
        return pick(kNumbers);
    }
  }

  uint64_t any_float() {
    float value = one_in(4) ? static_cast<float>(below(2000) - 1000) / 8 : pick(kFloats);
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    if (one_in(12)) bits = 0x7fc00000;  // NaN
    if (one_in(12)) bits = 0xff800000;  // -infinity
    return bits;
  }

  void mutate_once() {
    switch (below(12)) {
      case 0:
      case 1:
        return with(Message::kNode, &Mutator::change_edges);
      case 2:
        return with(Message::kNode, &Mutator::change_op_type);
      case 3:
        return with(Message::kNode, &Mutator::change_attribute_list);
      case 4:
      case 5:
        return with(Message::kAttribute, &Mutator::change_attribute);
      case 6:
      case 7:
        return with(Message::kTensor, &Mutator::change_tensor);
      case 8:
        return with(Message::kTensorType, &Mutator::change_value_type);
      case 9:
        return change_node_list();
      case 10:
        return with(Message::kOperatorSet, &Mutator::change_opset);
      default:
        return wire_node_into_graph();
    }
  }

  void with(Message kind, void (Mutator::*change)(Field*)) {
    const auto messages = find_messages(model_, kind);
    if (!messages.empty()) (this->*change)(pick(messages));
  }

  void erase(Field* message, const Field* child) {
    message->children.erase(message->children.begin() + (child - message->children.data()));
  }

  void change_edges(Field* node) {
    const uint32_t number = one_in(6) ? kNodeOutput : kNodeInput;
    const auto edges = fields_of(node, number);
    const int what = edges.empty() ? 0 : below(6);
    if (what == 0) {
      node->children.push_back(make_bytes(number, any_name()));
    } else if (what == 1) {
      erase(node, pick(edges));
    } else if (what == 2) {
      std::swap(*pick(edges), *pick(edges));
    } else {
      pick(edges)->bytes = any_name();
    }
  }

  void change_op_type(Field* node) {
    const auto types = fields_of(node, kNodeOpType);
    if (types.empty()) return;
    const auto families = importer_families();
    const bool other_domain = one_in(6);
    const auto family = other_domain ? microsoft_importers() : pick(families);
    if (family.empty()) return;
    types[0]->bytes = std::string(pick(family).op_type);
    std::erase_if(node->children, [](const Field& field) { return field.number == kNodeDomain; });
    if (other_domain) node->children.push_back(make_bytes(kNodeDomain, std::string(kMicrosoftDomain)));
  }

  void change_attribute_list(Field* node) {
    const auto attributes = fields_of(node, kNodeAttribute);
    if (!attributes.empty() && one_in(3)) return erase(node, pick(attributes));
    const auto all = find_messages(model_, Message::kAttribute);
    if (!all.empty() && one_in(2)) {
      Field copy = *pick(all);
      node->children.push_back(std::move(copy));
      return;
    }
    Field attribute = make_message(kNodeAttribute, Message::kAttribute);
    attribute.children.push_back(make_bytes(kAttributeName, pick(kAttributes)));
    switch (below(4)) {
      case 0:
        attribute.children.push_back(make_scalar(kAttributeI, static_cast<uint64_t>(any_number(0))));
        attribute.children.push_back(make_scalar(kAttributeType, 2));
        break;
      case 1: {
        Field value = make_scalar(kAttributeF, any_float());
        value.wire_type = 5;
        attribute.children.push_back(std::move(value));
        attribute.children.push_back(make_scalar(kAttributeType, 1));
        break;
      }
      case 2:
        attribute.children.push_back(make_bytes(kAttributeS, pick(kStrings)));
        attribute.children.push_back(make_scalar(kAttributeType, 3));
        break;
      default:
        for (int count = below(5); count > 0; --count) {
          attribute.children.push_back(make_scalar(kAttributeInts, static_cast<uint64_t>(any_number(1))));
        }
        attribute.children.push_back(make_scalar(kAttributeType, 7));
    }
    node->children.push_back(std::move(attribute));
  }

  // Packed integers become single ones, so that each can be changed.
  static void unpack_ints(Field* message, uint32_t number) {
    std::vector<Field> children;
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

  void change_ints(Field* message, uint32_t number) {
    unpack_ints(message, number);
    const auto ints = fields_of(message, number);
    if (ints.empty() || one_in(5)) {
      message->children.push_back(make_scalar(number, static_cast<uint64_t>(any_number(1))));
    } else if (one_in(5)) {
      erase(message, pick(ints));
    } else {
      Field* chosen = pick(ints);
      chosen->scalar = static_cast<uint64_t>(any_number(static_cast<int64_t>(chosen->scalar)));
    }
  }

  void change_attribute(Field* attribute) {
    for (Field& field : attribute->children) {
      switch (field.number) {
        case kAttributeI:
          field.scalar = static_cast<uint64_t>(any_number(static_cast<int64_t>(field.scalar)));
          return;
        case kAttributeF:
          field.scalar = any_float();
          return;
        case kAttributeS:
          field.bytes = pick(kStrings);
          return;
        case kAttributeInts:
          return change_ints(attribute, kAttributeInts);
        default:
          break;
      }
    }
    if (one_in(3)) {
      for (Field* name : fields_of(attribute, kAttributeName)) name->bytes = pick(kAttributes);
    }
  }

  // Dimensions and type are changed with the data, so that the tensor stays whole (most times).
  void change_tensor(Field* tensor) {
    unpack_ints(tensor, kTensorDims);
    if (one_in(2)) return change_contents(tensor);
    if (one_in(3)) {
      for (Field* type : fields_of(tensor, kTensorDataType)) type->scalar = static_cast<uint64_t>(pick(kTypes));
    } else {
      change_ints(tensor, kTensorDims);
    }
    if (!one_in(10)) resize_data(tensor);
  }

  void resize_data(Field* tensor) {
    uint64_t elements = 1;
    for (Field* dim : fields_of(tensor, kTensorDims)) {
      if (__builtin_mul_overflow(elements, dim->scalar, &elements) || elements > 1024) return;
    }
    const auto types = fields_of(tensor, kTensorDataType);
    const size_t size = types.empty() ? 0 : data_type_size_bytes(static_cast<DataType>(types[0]->scalar & 0xff));
    const auto raw = fields_of(tensor, kTensorRawData);
    std::string bytes = raw.empty() ? std::string() : raw[0]->bytes;
    bytes.resize(elements * size, static_cast<char>(below(3)));
    // The typed fields would contradict raw_data.
    std::erase_if(tensor->children, [](const Field& field) {
      return (field.number >= 4 && field.number <= 7) || (field.number >= 9 && field.number <= 11);
    });
    tensor->children.push_back(make_bytes(kTensorRawData, std::move(bytes)));
  }

  void change_contents(Field* tensor) {
    const auto raw = fields_of(tensor, kTensorRawData);
    if (raw.empty() || raw[0]->bytes.empty()) return change_ints(tensor, one_in(2) ? 7 : 5);
    const auto types = fields_of(tensor, kTensorDataType);
    const size_t size = types.empty() ? 1 : data_type_size_bytes(static_cast<DataType>(types[0]->scalar & 0xff));
    const size_t count = size == 0 ? 0 : raw[0]->bytes.size() / size;
    if (count == 0 || types.empty()) return;
    char* element = raw[0]->bytes.data() + static_cast<size_t>(below(static_cast<int>(count))) * size;
    uint64_t value = any_float();
    if (types[0]->scalar != 1) {
      int64_t old = 0;
      std::memcpy(&old, element, size);
      value = static_cast<uint64_t>(any_number(old));
    }
    std::memcpy(element, &value, size);
  }

  void change_value_type(Field* type) {
    if (one_in(3)) {
      for (Field* elem : fields_of(type, kTensorTypeElemType)) elem->scalar = static_cast<uint64_t>(pick(kTypes));
      return;
    }
    const auto shapes = find_messages(type, Message::kShape);
    if (shapes.empty()) return;
    Field* shape = pick(shapes);
    const auto dims = fields_of(shape, kShapeDim);
    if (dims.empty() || one_in(5)) {
      Field dim = make_message(kShapeDim, Message::kDim);
      dim.children.push_back(make_scalar(kDimValue, static_cast<uint64_t>(below(5))));
      shape->children.push_back(std::move(dim));
    } else if (one_in(5)) {
      erase(shape, pick(dims));
    } else if (one_in(4)) {
      pick(dims)->children = {make_bytes(kDimParam, "N")};
    } else {
      pick(dims)->children = {make_scalar(kDimValue, static_cast<uint64_t>(any_number(2)))};
    }
  }

  void change_opset(Field* opset) {
    for (Field* version : fields_of(opset, kOpsetVersion)) version->scalar = static_cast<uint64_t>(1 + below(24));
  }

  void change_node_list() {
    const auto nodes = fields_of(graph_, kGraphNode);
    if (nodes.empty()) return;
    if (one_in(2)) return erase(graph_, pick(nodes));
    std::swap(*pick(nodes), *pick(nodes));
  }

  // A copy of some node between a value and those that read it.
  void wire_node_into_graph() {
    const auto nodes = find_messages(model_, Message::kNode);
    if (nodes.empty() || names_.empty()) return;
    Field node = *pick(nodes);
    if (one_in(2)) change_op_type(&node);
    const std::string before = pick(names_);
    const std::string made = "m" + std::to_string(random_() % 100000);
    bool first = true;
    for (Field* input : fields_of(&node, kNodeInput)) {
      input->bytes = first ? before : any_name();
      first = false;
    }
    size_t outputs = 0;
    for (Field* output : fields_of(&node, kNodeOutput)) {
      output->bytes = outputs == 0 ? made : made + "_" + std::to_string(outputs);
      ++outputs;
    }
    for (Field* reader : fields_of(graph_, kGraphNode)) {
      for (Field* input : fields_of(reader, kNodeInput)) {
        if (input->bytes == before && one_in(2)) input->bytes = made;
      }
    }
    for (Field* output : fields_of(graph_, kGraphOutput)) {
      for (Field* name : fields_of(output, kValueInfoName)) {
        if (name->bytes == before || one_in(8)) name->bytes = made;
      }
    }
    node.number = kGraphNode;
    graph_->children.push_back(std::move(node));
    names_.push_back(made);
  }

  Field* model_;
  Field* graph_ = nullptr;
  std::minstd_rand random_;
  std::vector<std::string> names_;
};

size_t copy_out(const std::string& bytes, uint8_t* data, size_t max_size) {
  if (bytes.empty() || bytes.size() > max_size) return 0;
  std::memcpy(data, bytes.data(), bytes.size());
  return bytes.size();
}

}  // namespace

}  // namespace sealedge::fuzz

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned int seed) {
  using namespace sealedge::fuzz;
  if (seed % 16 != 0) {
    if (auto model = parse_tree({data, size})) {
      Mutator(&*model, seed).run();
      if (const size_t written = copy_out(write_tree(*model), data, max_size)) return written;
    }
  }
  return LLVMFuzzerMutate(data, size, max_size);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* data1, size_t size1, const uint8_t* data2, size_t size2,
                                            uint8_t* out, size_t max_out_size, unsigned int seed) {
  using namespace sealedge::fuzz;
  auto first = parse_tree({data1, size1});
  auto second = parse_tree({data2, size2});
  if (!first || !second) return 0;
  Mutator(&*first, seed).cross(&*second);
  return copy_out(write_tree(*first), out, max_out_size);
}
