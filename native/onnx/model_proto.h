// The messages of an ONNX file (onnx.proto, IR version 3 to 10), parsed to views: names and tensor bytes point into the
// caller's bytes, which must outlive them. Nothing is interpreted here beyond the schema; unknown fields are skipped.
// Graphs in attributes are parsed too, as deep as ModelLimits::max_graph_depth allows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "graph/limits.h"
#include "graph/tensor.h"

namespace sealedge {

// Bounds on what is kept in memory for a hostile file.
inline constexpr size_t kMaxInitializers = size_t{1} << 20;
inline constexpr size_t kMaxEdges = size_t{1} << 22;  // names in inputs and outputs of all nodes
inline constexpr size_t kMaxAttributes = size_t{1} << 22;
inline constexpr size_t kMaxOperatorSets = 64;

struct TensorProto {
  std::string_view name;
  int32_t data_type = 0;
  Dims dims;
  bool has_raw_data = false;
  std::span<const uint8_t> raw_data;
  bool has_typed_data = false;  // float_data, int32_data ...
  bool external = false;        // data_location == EXTERNAL
  std::vector<std::pair<std::string_view, std::string_view>> external_data;
  std::span<const uint8_t> message;  // the whole TensorProto: float_data and the like are read from here when wanted
};

struct GraphProto;

struct AttributeProto {
  // AttributeProto.AttributeType; kUndefined in files older than IR version 2.
  enum class Type : int32_t {
    kUndefined = 0,
    kFloat = 1,
    kInt = 2,
    kString = 3,
    kTensor = 4,
    kGraph = 5,
    kFloats = 6,
    kInts = 7,
    kStrings = 8,
    kTensors = 9,
    kGraphs = 10,
    kSparseTensor = 11,
    kSparseTensors = 12,
    kTypeProto = 13,
    kTypeProtos = 14,
  };
  std::string_view name;
  Type type = Type::kUndefined;
  float f = 0;
  int64_t i = 0;
  std::string_view s;
  size_t float_count = 0;  // of floats, which are read from `message` when wanted: they may be weights
  std::vector<int64_t> ints;
  std::vector<std::string_view> strings;
  std::vector<TensorProto> tensors;  // t, or tensors
  std::vector<GraphProto> graphs;    // g, or graphs
  std::string_view referred;         // ref_attr_name: in a function, the attribute of the call that stands here
  std::span<const uint8_t> message;  // the whole AttributeProto
};

struct NodeProto {
  std::string_view name;
  std::string_view op_type;
  std::string_view domain;  // "" and "ai.onnx" are the same
  std::vector<std::string_view> inputs;
  std::vector<std::string_view> outputs;
  std::vector<AttributeProto> attributes;
};

struct ValueInfoProto {
  struct Dim {
    int64_t value = -1;  // -1: not given
    std::string_view symbol;
  };
  std::string_view name;
  bool has_type = false;  // outputs of some models declare none
  int32_t elem_type = 0;  // 0 when the value is not a dense tensor
  bool has_shape = false;
  std::vector<Dim> dims;
};

struct GraphProto {
  std::string_view name;
  std::vector<NodeProto> nodes;
  std::vector<TensorProto> initializers;
  size_t sparse_initializer_count = 0;
  std::vector<ValueInfoProto> inputs;
  std::vector<ValueInfoProto> outputs;
};

struct OperatorSet {
  std::string_view domain;
  int64_t version = 0;
};

// An operator that the model itself defines (IR version 8).
struct FunctionProto {
  std::string_view name;
  std::string_view domain;
  std::vector<std::string_view> inputs;
  std::vector<std::string_view> outputs;
  std::vector<AttributeProto> defaults;  // attributes that a call may leave out
  std::vector<NodeProto> nodes;
  std::vector<OperatorSet> opset_imports;
};

struct ModelProto {
  int64_t ir_version = 0;
  std::string_view producer_name;
  std::vector<OperatorSet> opset_imports;
  std::vector<FunctionProto> functions;
  GraphProto graph;

  // Of the default operator set; 0 when the model imports none.
  int64_t opset_version() const;
};

// The floats of an attribute, in order, into room for float_count of them.
void read_floats(const AttributeProto& attribute, std::span<uint8_t> out);

// Fails with kModelInvalid (naming the message that is malformed) or kLimitExceeded.
Result<ModelProto> parse_model(std::span<const uint8_t> bytes, const ModelLimits& limits = {});
// One TensorProto message, for readers of tensor files.
Result<TensorProto> parse_tensor(std::span<const uint8_t> bytes);

}  // namespace sealedge
