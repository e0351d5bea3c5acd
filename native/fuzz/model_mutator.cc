// A mutator that knows what an ONNX model is: it changes operators, edges, attributes, dimensions, element types and
// contents, and keeps the file well-formed around them, so that mutants get past the parser and into shape inference,
// planner and kernels. Linked into the fuzz targets whose input is a model. Now and then it leaves the bytes to
// libFuzzer, so that the parser is not forgotten.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fuzz/change_fields.h"
#include "fuzz/choices.h"
#include "fuzz/proto_tree.h"
#include "onnx/import_microsoft.h"
#include "onnx/import_ml.h"
#include "onnx/node_import.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace sealedge::fuzz {

namespace {

class Mutator {
 public:
  Mutator(Field* model, unsigned seed) : model_(model), choices_(seed) {}

  void run() {
    // One change most times: of two, the first error hides the other.
    do {
      // Anew each time: a change further up may have moved or removed the graph of the last one.
      const auto graphs = find_messages(model_, Message::kGraph);
      if (graphs.empty()) return;
      graph_ = choices_.pick(graphs);
      collect_names();
      mutate_once();
    } while (choices_.one_in(3));
  }

  // Takes a few nodes of another model over, with their initializers, so that operators of both meet.
  void cross(Field* other) {
    const auto graphs = find_messages(model_, Message::kGraph);
    const auto others = find_messages(other, Message::kGraph);
    if (graphs.empty() || others.empty()) return;
    graph_ = choices_.pick(graphs);
    collect_names();
    Field* donor = choices_.pick(others);
    const auto nodes = fields_of(donor, kGraphNode);
    if (nodes.empty()) return;
    const auto first = static_cast<size_t>(choices_.below(static_cast<int>(nodes.size())));
    const size_t count =
        std::min(nodes.size() - first, size_t{1} + static_cast<size_t>(choices_.below(kMaxTransplant)));
    transplant(donor, std::span(nodes).subspan(first, count));
  }

 private:
  void collect_names() {
    names_.clear();
    const auto add = [&](Field* message, uint32_t number) {
      for (Field* name : fields_of(message, number)) {
        if (name->wire_type == 2) names_.emplace_back(name->bytes);
      }
    };
    for (Field& field : graph_->children) {
      if (field.number == kGraphNode) add(&field, kNodeOutput);
      if (field.number == kGraphInitializer) add(&field, kTensorName);
      if (field.number == kGraphInput) add(&field, kValueInfoName);
    }
  }
  std::string_view any_name() {
    if (names_.empty() || choices_.one_in(20)) return {};
    return choices_.pick(names_);
  }

  // What the nodes read and neither they nor the donor's initializers give comes from the host.
  void transplant(Field* donor, std::span<Field* const> nodes) {
    const char prefix = static_cast<char>('a' + choices_.below(26));
    std::set<std::string_view> read;
    std::set<std::string_view> given;
    for (Field* node : nodes) {
      for (Field* name : fields_of(node, kNodeInput)) read.insert(name->bytes);
      for (Field* name : fields_of(node, kNodeOutput)) given.insert(name->bytes);
    }
    const auto take = [&](const Field& field) { return &graph_->children.emplace_back(field); };
    for (Field* tensor : fields_of(donor, kGraphInitializer)) {
      const auto names = fields_of(tensor, kTensorName);
      if (names.empty() || !read.contains(names[0]->bytes)) continue;
      given.insert(names[0]->bytes);
      for (Field* name : fields_of(take(*tensor), kTensorName)) name->bytes.insert(0, 1, prefix);
    }
    for (Field* node : nodes) {
      Field* copy = take(*node);
      for (Field* name : fields_of(copy, kNodeOutput)) name->bytes.insert(0, 1, prefix);
      for (Field* name : fields_of(copy, kNodeInput)) {
        if (name->bytes.empty()) continue;
        if (given.contains(name->bytes)) {
          name->bytes.insert(0, 1, prefix);
        } else {
          name->bytes = any_name();
        }
      }
    }
    bool leads_out = false;
    for (Field* output : fields_of(donor, kGraphOutput)) {
      const auto names = fields_of(output, kValueInfoName);
      if (names.empty() || !given.contains(names[0]->bytes)) continue;
      for (Field* name : fields_of(take(*output), kValueInfoName)) name->bytes.insert(0, 1, prefix);
      leads_out = true;
    }
    const auto outputs = fields_of(graph_, kGraphOutput);
    const auto last = fields_of(nodes.back(), kNodeOutput);
    if (leads_out || outputs.empty() || last.empty()) return;
    for (Field* name : fields_of(choices_.pick(outputs), kValueInfoName)) {
      name->bytes = last[0]->bytes;
      name->bytes.insert(0, 1, prefix);
    }
  }

  void mutate_once() {
    switch (choices_.below(12)) {
      case 0:
      case 1:
        return with(Message::kNode, [this](Field* node) { change_edges(node); });
      case 2:
        return with(Message::kNode, [this](Field* node) { change_op_type(node); });
      case 3:
        return with(Message::kNode, [this](Field* node) { change_attribute_list(node); });
      case 4:
      case 5:
        return with(Message::kAttribute, [this](Field* attribute) { change_attribute(attribute, &choices_); });
      case 6:
      case 7:
        return with(Message::kTensor, [this](Field* tensor) { change_tensor(tensor, &choices_); });
      case 8:
        return with(Message::kTensorType, [this](Field* type) { change_value_type(type, &choices_); });
      case 9:
        return change_node_list();
      case 10:
        return with(Message::kOperatorSet, [this](Field* opset) { change_opset(opset, &choices_); });
      default:
        return wire_node_into_graph();
    }
  }

  template <typename Change>
  void with(Message kind, const Change& change) {
    const auto messages = find_messages(model_, kind);
    if (!messages.empty()) change(choices_.pick(messages));
  }

  void change_edges(Field* node) {
    const uint32_t number = choices_.one_in(6) ? kNodeOutput : kNodeInput;
    const auto edges = fields_of(node, number);
    const int what = edges.empty() ? 0 : choices_.below(6);
    if (what == 0) {
      node->children.push_back(make_bytes(number, any_name()));
    } else if (what == 1) {
      erase(node, choices_.pick(edges));
    } else if (what == 2) {
      std::swap(*choices_.pick(edges), *choices_.pick(edges));
    } else {
      choices_.pick(edges)->bytes = any_name();
    }
  }

  void change_op_type(Field* node) {
    const auto types = fields_of(node, kNodeOpType);
    if (types.empty()) return;
    const std::string_view domain = !choices_.one_in(6) ? "" : choices_.one_in(2) ? kMlDomain : kMicrosoftDomain;
    const auto families = domain.empty()        ? importer_families()
                          : domain == kMlDomain ? ml_families()
                                                : microsoft_families();
    const auto family = choices_.pick(families);
    if (family.empty()) return;
    types[0]->bytes = choices_.pick(family).op_type;
    std::erase_if(node->children, [](const Field& field) { return field.number == kNodeDomain; });
    if (!domain.empty()) node->children.push_back(make_bytes(kNodeDomain, domain));
  }

  void change_attribute_list(Field* node) {
    const auto attributes = fields_of(node, kNodeAttribute);
    if (!attributes.empty() && choices_.one_in(3)) return erase(node, choices_.pick(attributes));
    const auto all = find_messages(model_, Message::kAttribute);
    if (!all.empty() && choices_.one_in(2)) {
      Field copy = *choices_.pick(all);
      node->children.push_back(std::move(copy));
      return;
    }
    node->children.push_back(make_attribute(&choices_));
  }

  void change_node_list() {
    const auto nodes = fields_of(graph_, kGraphNode);
    if (nodes.empty()) return;
    if (choices_.one_in(2)) return erase(graph_, choices_.pick(nodes));
    std::swap(*choices_.pick(nodes), *choices_.pick(nodes));
  }

  // A copy of some node between a value and those that read it.
  void wire_node_into_graph() {
    const auto nodes = find_messages(model_, Message::kNode);
    if (nodes.empty() || names_.empty()) return;
    Field node = *choices_.pick(nodes);
    if (choices_.one_in(2)) change_op_type(&node);
    const std::string before = choices_.pick(names_);  // a copy: names_ grows
    const std::string made = "m" + std::to_string(choices_.below(100000));
    bool first = true;
    for (Field* input : fields_of(&node, kNodeInput)) {
      input->bytes = first ? std::string_view(before) : any_name();
      first = false;
    }
    size_t outputs = 0;
    for (Field* output : fields_of(&node, kNodeOutput)) {
      output->bytes = outputs == 0 ? made : made + "_" + std::to_string(outputs);
      ++outputs;
    }
    for (Field* reader : fields_of(graph_, kGraphNode)) {
      for (Field* input : fields_of(reader, kNodeInput)) {
        if (std::string_view(input->bytes) == before && choices_.one_in(2)) input->bytes = made;
      }
    }
    for (Field* output : fields_of(graph_, kGraphOutput)) {
      for (Field* name : fields_of(output, kValueInfoName)) {
        if (std::string_view(name->bytes) == before || choices_.one_in(8)) name->bytes = made;
      }
    }
    node.number = kGraphNode;
    graph_->children.push_back(std::move(node));
    names_.push_back(made);
  }

  static constexpr int kMaxTransplant = 6;

  Field* model_;
  Field* graph_ = nullptr;
  Choices choices_;
  std::vector<std::string> names_;
};

}  // namespace

}  // namespace sealedge::fuzz

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned int seed) {
  using namespace sealedge::fuzz;
  if (seed % 16 != 0) {
    const FieldArena arena;
    if (auto model = parse_tree({data, size})) {
      Mutator(&*model, seed).run();
      if (const size_t written = write_tree(*model, {data, max_size})) return written;
    }
  }
  return LLVMFuzzerMutate(data, size, max_size);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* data1, size_t size1, const uint8_t* data2, size_t size2,
                                            uint8_t* out, size_t max_out_size, unsigned int seed) {
  using namespace sealedge::fuzz;
  const FieldArena arena;
  auto first = parse_tree({data1, size1});
  auto second = parse_tree({data2, size2});
  if (!first || !second) return 0;
  Mutator(&*first, seed).cross(&*second);
  return write_tree(*first, {out, max_out_size});
}
