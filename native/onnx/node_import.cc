#include "onnx/node_import.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <unordered_map>
#include <unordered_set>

#include "onnx/import_microsoft.h"
#include "onnx/import_ml.h"

namespace sealedge {

const AttributeProto* NodeImport::find(std::string_view name) const {
  for (const AttributeProto& attribute : proto_.attributes) {
    if (attribute.name == name) return &attribute;
  }
  return nullptr;
}

const AttributeProto* NodeImport::find(std::string_view name, AttributeProto::Type type) {
  const AttributeProto* attribute = find(name);
  // Files of IR version 1 leave the type out.
  if (!attribute || attribute->type == type || attribute->type == AttributeProto::Type::kUndefined) return attribute;
  invalid("attribute '" + printable(name) + "' has the wrong type");
  return nullptr;
}

int64_t NodeImport::get_int(std::string_view name, int64_t otherwise) {
  const AttributeProto* attribute = find(name, AttributeProto::Type::kInt);
  return attribute ? attribute->i : otherwise;
}

float NodeImport::get_epsilon(float otherwise) {
  const float epsilon = get_float("epsilon", otherwise);
  if (std::isfinite(epsilon) && epsilon >= 0) return epsilon;
  invalid("epsilon: expected a finite number from 0, got " + std::to_string(epsilon));
  return otherwise;
}

float NodeImport::get_float(std::string_view name, float otherwise) {
  const AttributeProto* attribute = find(name, AttributeProto::Type::kFloat);
  return attribute ? attribute->f : otherwise;
}

std::string_view NodeImport::get_string(std::string_view name, std::string_view otherwise) {
  const AttributeProto* attribute = find(name, AttributeProto::Type::kString);
  return attribute ? attribute->s : otherwise;
}

std::vector<int64_t> NodeImport::get_ints(std::string_view name) {
  const AttributeProto* attribute = find(name, AttributeProto::Type::kInts);
  return attribute ? attribute->ints : std::vector<int64_t>{};
}

std::vector<float> NodeImport::get_floats(std::string_view name) {
  const AttributeProto* attribute = find(name, AttributeProto::Type::kFloats);
  if (!attribute) return {};
  std::vector<float> values(attribute->float_count);
  read_floats(*attribute, {reinterpret_cast<uint8_t*>(values.data()), values.size() * sizeof(float)});
  return values;
}

std::vector<std::string_view> NodeImport::get_strings(std::string_view name) {
  const AttributeProto* attribute = find(name, AttributeProto::Type::kStrings);
  return attribute ? attribute->strings : std::vector<std::string_view>{};
}

const TensorProto* NodeImport::get_tensor(std::string_view name) {
  const AttributeProto* attribute = find(name, AttributeProto::Type::kTensor);
  if (!attribute) return nullptr;
  if (attribute->tensors.size() == 1) return &attribute->tensors[0];
  invalid("attribute '" + printable(name) + "' holds no tensor");
  return nullptr;
}

const GraphProto* NodeImport::get_graph(std::string_view name) {
  const AttributeProto* attribute = find(name, AttributeProto::Type::kGraph);
  if (attribute && attribute->graphs.size() == 1) return &attribute->graphs[0];
  invalid("attribute '" + printable(name) + "': expected one graph");
  return nullptr;
}

const Constant* NodeImport::constant(ValueId id) const {
  return id == kNoValue ? nullptr : graph_->values[id].constant.get();
}

const TensorFact* NodeImport::constant_fact(ValueId id) const {
  return constant(id) ? &graph_->values[id].fact : nullptr;
}

void NodeImport::emit(OpPtr op, std::vector<ValueId> inputs) { emit_to(std::move(op), std::move(inputs), outputs_); }

ValueId NodeImport::emit_inner(OpPtr op, std::vector<ValueId> inputs) {
  const ValueId result = add_inner();
  emit_to(std::move(op), std::move(inputs), {result});
  return result;
}

void NodeImport::emit_to(OpPtr op, std::vector<ValueId> inputs, std::vector<ValueId> outputs) {
  if (!op) return unsupported("not in this engine");
  if (error_ || !all_tensors(inputs)) return;
  Node node;
  node.op = std::move(op);
  node.name = proto_.name;
  node.inputs = std::move(inputs);
  node.outputs = std::move(outputs);
  graph_->nodes.push_back(std::move(node));
}

std::optional<ImportedBody> NodeImport::import_body(const GraphProto& proto) {
  auto body = bodies_->import_body(proto);
  if (body.ok()) return std::move(body).value();
  if (!error_) error_ = std::move(body).error();
  return std::nullopt;
}

void NodeImport::emit_control(OpPtr op, std::vector<ValueId> own_inputs, std::vector<ImportedBody> bodies,
                              size_t outputs) {
  if (error_ || !all_tensors(own_inputs)) return;
  if (outputs_.size() > outputs) return invalid("expected at most " + std::to_string(outputs) + " outputs");
  Node node;
  node.op = std::move(op);
  node.name = proto_.name;
  node.inputs = std::move(own_inputs);
  const std::unordered_set<ValueId> own(outputs_.begin(), outputs_.end());
  for (ImportedBody& body : bodies) {
    for (ValueId id : body.captures) {
      if (own.contains(id)) {
        return invalid("a body reads '" + printable(graph_->values[id].name) + "', which the node itself makes");
      }
    }
    node.inputs.insert(node.inputs.end(), body.captures.begin(), body.captures.end());
    node.bodies.push_back(std::move(body.graph));
  }
  node.outputs = outputs_;
  node.outputs.resize(outputs, kNoValue);
  graph_->nodes.push_back(std::move(node));
}

std::optional<int64_t> NodeImport::fixed_length(ValueId id) const {
  if (const TensorFact* fact = constant_fact(id))
    return fact->dims.size() == 1 ? std::optional(fact->dims[0]) : std::nullopt;
  const ValueInfoProto* declared = bodies_->declared_input(id);
  const bool fixed = declared && declared->has_shape && declared->dims.size() == 1 && declared->dims[0].value >= 0;
  return fixed ? std::optional(declared->dims[0].value) : std::nullopt;
}

bool NodeImport::all_tensors(const std::vector<ValueId>& inputs) {
  for (ValueId id : inputs) {
    if (!sequences_->find(id)) continue;
    unsupported("a sequence as input");
    return false;
  }
  return true;
}

void NodeImport::sequence_output(ImportedSequence sequence) {
  if (error_ || output(0) == kNoValue) return;
  if (!sequences_->add(output(0), std::move(sequence))) {
    error_ = Error{ErrorCode::kLimitExceeded,
                   "sequences of more than " + std::to_string(SequenceTable::kMaxItems) + " tensors"};
  }
}

uint8_t* NodeImport::allocate(size_t size_bytes) {
  auto data = store_->allocate(size_bytes);
  if (data.ok()) return *data;
  if (!error_) error_ = data.error();
  return nullptr;
}

ValueId NodeImport::add_constant(TensorFact fact, const uint8_t* data) {
  Value value;
  value.fact = fact;
  value.constant = std::make_shared<Constant>();
  value.constant->fact = std::move(fact);
  value.constant->data = data;
  return graph_->add_value(std::move(value));
}

ValueId NodeImport::make_constant(TensorFact fact, std::span<const uint8_t> bytes) {
  uint8_t* data = allocate(bytes.size());
  if (data && !bytes.empty()) std::memcpy(data, bytes.data(), bytes.size());
  return add_constant(std::move(fact), data);
}

ValueId NodeImport::make_ints(std::span<const int64_t> values) {
  return make_constant({DataType::kInt64, {static_cast<int64_t>(values.size())}},
                       {reinterpret_cast<const uint8_t*>(values.data()), values.size_bytes()});
}

ValueId NodeImport::make_scalar(float value) {
  return make_constant({DataType::kFloat32, {}}, {reinterpret_cast<const uint8_t*>(&value), sizeof value});
}

void NodeImport::constant_output(TensorFact fact, std::span<const uint8_t> bytes) {
  alias_output(make_constant(std::move(fact), bytes));
}

void NodeImport::floats_output(std::string_view name) {
  alias_output(make_floats_of(name, {static_cast<int64_t>(count_floats(name))}));
}

NodeImport::NewConstant NodeImport::new_constant(TensorFact fact) {
  auto size_bytes = checked_size_bytes(fact);
  if (!size_bytes.ok()) {
    if (!error_) error_ = size_bytes.error();
    return {};
  }
  uint8_t* data = allocate(*size_bytes);
  if (!data) return {};
  return {add_constant(std::move(fact), data), {data, *size_bytes}};
}

size_t NodeImport::count_floats(std::string_view name) const {
  const AttributeProto* attribute = find(name);
  return attribute ? attribute->float_count : 0;
}

ValueId NodeImport::make_floats_of(std::string_view name, const Dims& dims) {
  const AttributeProto* attribute = find(name, AttributeProto::Type::kFloats);
  if (!attribute) return kNoValue;
  const auto count = checked_element_count(dims);
  if (!count.ok() || static_cast<size_t>(*count) != attribute->float_count) {
    invalid("attribute '" + printable(name) + "': expected " + dims_to_string(dims) + ", got " +
            std::to_string(attribute->float_count) + " values");
    return kNoValue;
  }
  const NewConstant constant = new_constant({DataType::kFloat32, dims});
  if (constant.id != kNoValue) read_floats(*attribute, constant.bytes);
  return constant.id;
}

void NodeImport::unsupported(std::string reason) {
  if (!error_) error_ = Error{ErrorCode::kOpUnsupported, std::move(reason)};
}

void NodeImport::invalid(std::string reason) {
  if (!error_) error_ = Error{ErrorCode::kModelInvalid, std::move(reason)};
}

std::span<const std::span<const OpImporter>> importer_families() {
  static const std::span<const OpImporter> families[] = {
      math_importers(),  //
      nn_importers(),    //
      array_importers(),
      control_importers(),        //
      selection_importers(),      //
      recurrent_importers(),      //
      image_importers(),          //
      normalization_importers(),  //
      sampling_importers(),       //
      quantize_importers(),       //
      experimental_importers(),   //
      sequence_importers(),       //
      signal_importers(),         //
      loss_importers(),           //
      attention_importers(),      //
      optional_importers(),       //
      refused_importers(),        //
  };
  return families;
}

namespace {

using ImporterTable = std::unordered_map<std::string_view, const OpImporter*>;

const ImporterTable* table_of(std::span<const std::span<const OpImporter>> families) {
  auto* table = new ImporterTable;
  for (const auto& family : families) {
    for (const OpImporter& importer : family) table->emplace(importer.op_type, &importer);
  }
  return table;
}

}  // namespace

const OpImporter* find_importer(std::string_view domain, std::string_view op_type) {
  static const ImporterTable* const standard = table_of(importer_families());
  static const ImporterTable* const microsoft = table_of(microsoft_families());
  static const ImporterTable* const ml = table_of(ml_families());
  const ImporterTable* const table = domain.empty()               ? standard
                                     : domain == kMicrosoftDomain ? microsoft
                                     : domain == kMlDomain        ? ml
                                                                  : nullptr;
  if (!table) return nullptr;
  const auto found = table->find(op_type);
  return found == table->end() ? nullptr : found->second;
}

}  // namespace sealedge
