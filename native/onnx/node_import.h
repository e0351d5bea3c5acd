// What an op_type's builder is given: the ONNX node, its attributes with defaults, and the graph under construction.
// Mistakes are noted, not returned: the first one wins, and builders read as straight lines.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "graph/constant_store.h"
#include "graph/graph.h"
#include "onnx/model_proto.h"
#include "onnx/sequences.h"

namespace sealedge {

// A graph in an attribute, imported, and the values it takes from the graph around it. Its inputs are its formal ones,
// then these.
struct ImportedBody {
  std::shared_ptr<const Graph> graph;
  std::vector<ValueId> captures;
};
class BodyImporter {
 public:
  virtual ~BodyImporter() = default;
  virtual Result<ImportedBody> import_body(const GraphProto& proto) = 0;
  // How the model declares this value, if it is one of its inputs.
  virtual const ValueInfoProto* declared_input(ValueId id) const = 0;
};

class NodeImport {
 public:
  NodeImport(const NodeProto& proto, int64_t opset, std::vector<ValueId> inputs, std::vector<ValueId> outputs,
             Graph* graph, ConstantStore* store, BodyImporter* bodies, SequenceTable* sequences)
      : proto_(proto),
        opset_(opset),
        inputs_(std::move(inputs)),
        outputs_(std::move(outputs)),
        graph_(graph),
        store_(store),
        bodies_(bodies),
        sequences_(sequences) {}

  const NodeProto& proto() const { return proto_; }
  int64_t opset() const { return opset_; }

  // --- attributes; of another type than asked for: kModelInvalid
  bool has(std::string_view name) const { return find(name) != nullptr; }
  int64_t get_int(std::string_view name, int64_t otherwise);
  float get_float(std::string_view name, float otherwise);
  // What keeps a root or a quotient from zero: finite, not negative.
  float get_epsilon(float otherwise);
  std::string_view get_string(std::string_view name, std::string_view otherwise);
  std::vector<int64_t> get_ints(std::string_view name);  // empty when absent
  std::vector<float> get_floats(std::string_view name);  // likewise; for settings, not for weights
  std::vector<std::string_view> get_strings(std::string_view name);
  const TensorProto* get_tensor(std::string_view name);  // null when absent
  const GraphProto* get_graph(std::string_view name);    // null after noting that it is missing

  // --- inputs and outputs; trailing omitted inputs are not counted
  size_t input_count() const { return inputs_.size(); }
  ValueId input(size_t i) const { return i < inputs_.size() ? inputs_[i] : kNoValue; }
  bool has_input(size_t i) const { return input(i) != kNoValue; }
  const std::vector<ValueId>& inputs() const { return inputs_; }
  size_t output_count() const { return outputs_.size(); }
  ValueId output(size_t i) const { return i < outputs_.size() ? outputs_[i] : kNoValue; }
  bool wants_output(size_t i) const { return output(i) != kNoValue; }
  // What the input stands for when it is a sequence: null when it is a tensor.
  const ImportedSequence* sequence(size_t i) const { return sequences_->find(input(i)); }
  // How many elements the model fixes for this value of one dimension; nothing when it does not.
  std::optional<int64_t> fixed_length(ValueId id) const;
  // The value's constant, if it is one; its data is there for small inline tensors only.
  const Constant* constant(ValueId id) const;
  const TensorFact* constant_fact(ValueId id) const;

  // --- building
  // A node that makes this ONNX node's outputs. A null op: the engine has no such operator.
  void emit(OpPtr op, std::vector<ValueId> inputs);
  // A value that only nodes in between see, and a node that makes these values.
  ValueId add_inner() { return graph_->add_value({}); }
  void emit_to(OpPtr op, std::vector<ValueId> inputs, std::vector<ValueId> outputs);
  // A node in between; returns its one output.
  ValueId emit_inner(OpPtr op, std::vector<ValueId> inputs);
  // The graph as a body; null after noting an error.
  std::optional<ImportedBody> import_body(const GraphProto& proto);
  // A node of control flow (graph/control_flow.h): own inputs, then what the bodies take. `outputs`: how many there are
  // in all, wanted or not.
  void emit_control(OpPtr op, std::vector<ValueId> own_inputs, std::vector<ImportedBody> bodies, size_t outputs);
  // Output 0 is a sequence.
  void sequence_output(ImportedSequence sequence);
  // Output 0 is another name for this value.
  void alias_output(ValueId value) { alias_ = value; }
  ValueId make_ints(std::span<const int64_t> values);  // int64, rank 1
  ValueId make_scalar(float value);                    // float32, rank 0
  // A constant whose elements the importer writes, in place: it may hold weights. Empty after noting an error.
  struct NewConstant {
    ValueId id = kNoValue;
    std::span<uint8_t> bytes;
  };
  NewConstant new_constant(TensorFact fact);
  // This attribute's floats as a constant of these dims, or of rank 1; kNoValue after noting that there are not as
  // many.
  ValueId make_floats_of(std::string_view attribute, const Dims& dims);
  size_t count_floats(std::string_view attribute) const;
  // Output 0 is this tensor, read through the importer's sources.
  void tensor_output(const TensorProto* tensor) { tensor_ = tensor; }
  void constant_output(TensorFact fact, std::span<const uint8_t> bytes);
  // Output 0 is this attribute's floats, rank 1.
  void floats_output(std::string_view name);

  // The operator is known, this use of it is not: collected with all others.
  void unsupported(std::string reason);
  void invalid(std::string reason);

  const std::optional<Error>& error() const { return error_; }
  std::optional<ValueId> alias() const { return alias_; }
  const TensorProto* tensor() const { return tensor_; }

 private:
  const AttributeProto* find(std::string_view name) const;
  const AttributeProto* find(std::string_view name, AttributeProto::Type type);
  uint8_t* allocate(size_t size_bytes);  // null after noting the error
  ValueId add_constant(TensorFact fact, const uint8_t* data);
  ValueId make_constant(TensorFact fact, std::span<const uint8_t> bytes);
  // Operators compute with tensors: an input that is none is noted as unsupported.
  bool all_tensors(const std::vector<ValueId>& inputs);

  const NodeProto& proto_;
  const int64_t opset_;
  std::vector<ValueId> inputs_;
  std::vector<ValueId> outputs_;
  Graph* graph_;
  ConstantStore* store_;
  BodyImporter* bodies_;
  SequenceTable* sequences_;
  std::optional<Error> error_;
  std::optional<ValueId> alias_;
  const TensorProto* tensor_ = nullptr;
};

// One row per op_type of a domain. Inputs below min_inputs must be given; more than max_inputs are refused.
struct OpImporter {
  std::string_view op_type;
  size_t min_inputs;
  size_t max_inputs;
  void (*build)(NodeImport& node);
};
inline constexpr size_t kVariadic = SIZE_MAX;

// One registration list per family.
std::span<const OpImporter> math_importers();           // import_math.cc
std::span<const OpImporter> nn_importers();             // import_nn.cc
std::span<const OpImporter> array_importers();          // import_array.cc
std::span<const OpImporter> selection_importers();      // import_selection.cc
std::span<const OpImporter> recurrent_importers();      // import_recurrent.cc
std::span<const OpImporter> image_importers();          // import_image.cc
std::span<const OpImporter> normalization_importers();  // import_normalization.cc
std::span<const OpImporter> sampling_importers();       // import_sampling.cc
std::span<const OpImporter> control_importers();        // import_control.cc
std::span<const OpImporter> quantize_importers();       // import_quantize.cc
std::span<const OpImporter> experimental_importers();   // import_experimental.cc
std::span<const OpImporter> sequence_importers();       // import_sequence.cc
std::span<const OpImporter> signal_importers();         // import_signal.cc
std::span<const OpImporter> loss_importers();           // import_loss.cc
std::span<const OpImporter> attention_importers();      // import_attention.cc
std::span<const OpImporter> optional_importers();       // import_optional.cc
std::span<const OpImporter> refused_importers();        // import_refused.cc
// All of the above.
std::span<const std::span<const OpImporter>> importer_families();
// Null: none of the standard's domain ("") or of those beside it (import_microsoft.h, import_ml.h).
const OpImporter* find_importer(std::string_view domain, std::string_view op_type);

}  // namespace sealedge
