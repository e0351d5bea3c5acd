#include "onnx/model_proto.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "core/keyed_hash.h"
#include "graph/graph.h"
#include "onnx/proto_fields.h"
#include "onnx/wire.h"

namespace sealedge {

namespace {

// What has been kept so far, over the whole file, and how deep in graphs the reader is.
struct Budget {
  const ModelLimits& limits;
  size_t nodes = 0;
  size_t edges = 0;
  size_t attributes = 0;
  size_t initializers = 0;
  size_t depth = 0;
};

Result<GraphProto> parse_graph(std::span<const uint8_t> bytes, Budget* budget);

Result<AttributeProto> parse_attribute(std::span<const uint8_t> bytes, Budget* budget) {
  AttributeProto attribute;
  attribute.message = bytes;
  WireReader reader(bytes);
  for (WireField field; reader.next(&field);) {
    bool fits = true;
    switch (field.number) {
      case 1:  // name
        if ((fits = is_bytes(field))) attribute.name = field.as_string();
        break;
      case 2:  // f
        if ((fits = field.type == WireType::kFixed32)) attribute.f = field.as_float();
        break;
      case 3:  // i
        if ((fits = is_varint(field))) attribute.i = field.as_int64();
        break;
      case 4:  // s
        if ((fits = is_bytes(field))) attribute.s = field.as_string();
        break;
      case 5:     // t
      case 10: {  // tensors
        if (!(fits = is_bytes(field))) break;
        SEALEDGE_ASSIGN(TensorProto tensor, parse_tensor(field.bytes));
        attribute.tensors.push_back(std::move(tensor));
        break;
      }
      case 6:     // g
      case 11: {  // graphs
        if (!(fits = is_bytes(field))) break;
        if (budget->depth == budget->limits.max_graph_depth) {
          return too_many("graphs inside one another", budget->limits.max_graph_depth);
        }
        ++budget->depth;
        SEALEDGE_ASSIGN(GraphProto graph, parse_graph(field.bytes, budget));
        --budget->depth;
        attribute.graphs.push_back(std::move(graph));
        break;
      }
      case 7:  // floats
        fits = count_floats(field, &attribute.float_count);
        break;
      case 8:  // ints
        fits = append_varints(field, &attribute.ints);
        break;
      case 9:  // strings
        if ((fits = is_bytes(field))) attribute.strings.push_back(field.as_string());
        break;
      case 21:  // ref_attr_name
        if ((fits = is_bytes(field))) attribute.referred = field.as_string();
        break;
      case 20:  // type
        if ((fits = is_varint(field))) attribute.type = static_cast<AttributeProto::Type>(field.as_int32());
        break;
      default:
        break;
    }
    if (!fits) return malformed("AttributeProto");
  }
  if (!reader.ok()) return malformed("AttributeProto");
  return attribute;
}

// onnx.proto, NodeProto.attribute: names are unique. Otherwise two readers could take different ones.
Result<void> check_attribute_names(const NodeProto& node) {
  NameSet seen;
  for (size_t i = 0; i < node.attributes.size(); ++i) {
    const std::string_view name = node.attributes[i].name;
    const auto given_before = [&] {
      if (node.attributes.size() > 16) return !seen.insert(name).second;
      return std::any_of(node.attributes.begin(), node.attributes.begin() + static_cast<ptrdiff_t>(i),
                         [&](const AttributeProto& other) { return other.name == name; });
    };
    if (name.empty() || given_before()) {
      return Error{ErrorCode::kModelInvalid, "node '" + printable(node.name) + "' (" + printable(node.op_type) + "): " +
                                                 (name.empty() ? "an attribute has no name"
                                                               : "attribute '" + printable(name) + "' is given twice")};
    }
  }
  return {};
}

Result<NodeProto> parse_node(std::span<const uint8_t> bytes, Budget* budget) {
  if (++budget->nodes > budget->limits.max_nodes) return too_many("nodes", budget->limits.max_nodes);
  NodeProto node;
  WireReader reader(bytes);
  for (WireField field; reader.next(&field);) {
    if (field.number > 7 || field.number == 6) continue;  // doc_string, overload, metadata_props ...
    if (!is_bytes(field)) return malformed("NodeProto");
    switch (field.number) {
      case 1:
      case 2:
        if (++budget->edges > kMaxEdges) return too_many("node inputs and outputs", kMaxEdges);
        (field.number == 1 ? node.inputs : node.outputs).push_back(field.as_string());
        break;
      case 3:
        node.name = field.as_string();
        break;
      case 4:
        node.op_type = field.as_string();
        break;
      case 5: {
        if (++budget->attributes > kMaxAttributes) return too_many("attributes", kMaxAttributes);
        SEALEDGE_ASSIGN(AttributeProto attribute, parse_attribute(field.bytes, budget));
        node.attributes.push_back(std::move(attribute));
        break;
      }
      case 7:
        node.domain = field.as_string();
        break;
    }
  }
  if (!reader.ok()) return malformed("NodeProto");
  if (node.domain == "ai.onnx") node.domain = {};
  SEALEDGE_TRY(check_attribute_names(node));
  return node;
}

// TensorShapeProto: dim = 1; Dimension: dim_value = 1, dim_param = 2
Result<std::vector<ValueInfoProto::Dim>> parse_shape(std::span<const uint8_t> bytes) {
  std::vector<ValueInfoProto::Dim> dims;
  WireReader reader(bytes);
  for (WireField field; reader.next(&field);) {
    if (field.number != 1) continue;
    if (!is_bytes(field)) return malformed("TensorShapeProto");
    ValueInfoProto::Dim dim;
    WireReader dim_reader(field.bytes);
    for (WireField part; dim_reader.next(&part);) {
      if (part.number == 1 && is_varint(part)) dim.value = part.as_int64();
      if (part.number == 2 && is_bytes(part)) dim.symbol = part.as_string();
    }
    if (!dim_reader.ok()) return malformed("TensorShapeProto.Dimension");
    if (dim.value < 0) dim.value = -1;  // some exporters write -1 or a negative number for "unknown"
    dims.push_back(dim);
    if (dims.size() > kMaxRank) return too_many("dimensions of a value", kMaxRank);
  }
  if (!reader.ok()) return malformed("TensorShapeProto");
  return dims;
}

// TypeProto: tensor_type = 1; TypeProto.Tensor: elem_type = 1, shape = 2
Result<void> parse_type(std::span<const uint8_t> bytes, ValueInfoProto* info) {
  WireReader reader(bytes);
  for (WireField field; reader.next(&field);) {
    info->has_type |= field.number != 6;  // denotation, beside the one of the types that it is
    if (field.number != 1 || !is_bytes(field)) continue;
    WireReader tensor_reader(field.bytes);
    for (WireField part; tensor_reader.next(&part);) {
      if (part.number == 1 && is_varint(part)) info->elem_type = part.as_int32();
      if (part.number == 2 && is_bytes(part)) {
        SEALEDGE_ASSIGN(info->dims, parse_shape(part.bytes));
        info->has_shape = true;
      }
    }
    if (!tensor_reader.ok()) return malformed("TypeProto.Tensor");
  }
  if (!reader.ok()) return malformed("TypeProto");
  return {};
}

Result<ValueInfoProto> parse_value_info(std::span<const uint8_t> bytes) {
  ValueInfoProto info;
  WireReader reader(bytes);
  for (WireField field; reader.next(&field);) {
    if (field.number > 2) continue;
    if (!is_bytes(field)) return malformed("ValueInfoProto");
    if (field.number == 1) info.name = field.as_string();
    if (field.number == 2) SEALEDGE_TRY(parse_type(field.bytes, &info));
  }
  if (!reader.ok()) return malformed("ValueInfoProto");
  return info;
}

Result<GraphProto> parse_graph(std::span<const uint8_t> bytes, Budget* budget) {
  GraphProto graph;
  WireReader reader(bytes);
  for (WireField field; reader.next(&field);) {
    switch (field.number) {
      case 1:
      case 2:
      case 5:
      case 11:
      case 12:
      case 15:
        if (!is_bytes(field)) return malformed("GraphProto");
        break;
      default:
        continue;  // doc_string, value_info (every shape is inferred), quantization_annotation ...
    }
    switch (field.number) {
      case 1: {
        SEALEDGE_ASSIGN(NodeProto node, parse_node(field.bytes, budget));
        graph.nodes.push_back(std::move(node));
        break;
      }
      case 2:
        graph.name = field.as_string();
        break;
      case 5: {
        if (++budget->initializers > kMaxInitializers) return too_many("initializers", kMaxInitializers);
        SEALEDGE_ASSIGN(TensorProto tensor, parse_tensor(field.bytes));
        graph.initializers.push_back(std::move(tensor));
        break;
      }
      case 11:
      case 12: {
        auto& list = field.number == 11 ? graph.inputs : graph.outputs;
        if (++budget->edges > kMaxEdges) return too_many("graph inputs and outputs", kMaxEdges);
        SEALEDGE_ASSIGN(ValueInfoProto info, parse_value_info(field.bytes));
        list.push_back(std::move(info));
        break;
      }
      case 15:
        ++graph.sparse_initializer_count;
        break;
    }
  }
  if (!reader.ok()) return malformed("GraphProto");
  return graph;
}

// OperatorSetIdProto: domain = 1, version = 2
Result<OperatorSet> parse_opset(std::span<const uint8_t> bytes) {
  OperatorSet opset;
  WireReader reader(bytes);
  for (WireField field; reader.next(&field);) {
    if (field.number == 1 && is_bytes(field)) opset.domain = field.as_string();
    if (field.number == 2 && is_varint(field)) opset.version = field.as_int64();
  }
  if (!reader.ok()) return malformed("OperatorSetIdProto");
  if (opset.domain == "ai.onnx") opset.domain = {};
  return opset;
}

// FunctionProto: name = 1, input = 4, output = 5, attribute = 6 (names without a default), node = 7, opset_import = 9,
// domain = 10, attribute_proto = 11
Result<FunctionProto> parse_function(std::span<const uint8_t> bytes, Budget* budget) {
  FunctionProto function;
  WireReader reader(bytes);
  for (WireField field; reader.next(&field);) {
    if (field.number > 11 || field.number == 8) continue;
    if (!is_bytes(field)) return malformed("FunctionProto");
    switch (field.number) {
      case 1:
        function.name = field.as_string();
        break;
      case 4:
      case 5:
        if (++budget->edges > kMaxEdges) return too_many("node inputs and outputs", kMaxEdges);
        (field.number == 4 ? function.inputs : function.outputs).push_back(field.as_string());
        break;
      case 7: {
        SEALEDGE_ASSIGN(NodeProto node, parse_node(field.bytes, budget));
        function.nodes.push_back(std::move(node));
        break;
      }
      case 9: {
        if (function.opset_imports.size() == kMaxOperatorSets) return too_many("operator sets", kMaxOperatorSets);
        SEALEDGE_ASSIGN(const OperatorSet opset, parse_opset(field.bytes));
        function.opset_imports.push_back(opset);
        break;
      }
      case 10:
        function.domain = field.as_string();
        break;
      case 11: {
        if (++budget->attributes > kMaxAttributes) return too_many("attributes", kMaxAttributes);
        SEALEDGE_ASSIGN(AttributeProto attribute, parse_attribute(field.bytes, budget));
        function.defaults.push_back(std::move(attribute));
        break;
      }
    }
  }
  if (!reader.ok()) return malformed("FunctionProto");
  if (function.domain == "ai.onnx") function.domain = {};
  return function;
}

}  // namespace

void read_floats(const AttributeProto& attribute, std::span<uint8_t> out) {
  size_t used = 0;
  WireReader reader(attribute.message);
  for (WireField field; reader.next(&field);) {
    if (field.number != 7) continue;
    // Little-endian on the wire as in memory (tensor_data.cc asserts that).
    const bool packed = field.type == WireType::kLengthDelimited;
    const size_t size = std::min(packed ? field.bytes.size() : sizeof(float), out.size() - used);
    if (size > 0)
      std::memcpy(out.data() + used, packed ? field.bytes.data() : reinterpret_cast<const uint8_t*>(&field.scalar),
                  size);
    used += size;
  }
}

int64_t ModelProto::opset_version() const {
  for (const OperatorSet& opset : opset_imports) {
    if (opset.domain.empty()) return opset.version;
  }
  return 0;
}

Result<ModelProto> parse_model(std::span<const uint8_t> bytes, const ModelLimits& limits) {
  ModelProto model;
  Budget budget{limits};
  bool has_graph = false;
  WireReader reader(bytes);
  for (WireField field; reader.next(&field);) {
    switch (field.number) {
      case 1:
        if (!is_varint(field)) return malformed("ModelProto");
        model.ir_version = field.as_int64();
        break;
      case 2:
        if (!is_bytes(field)) return malformed("ModelProto");
        model.producer_name = field.as_string();
        break;
      case 7: {
        // protobuf would merge two graphs into one; no writer does that, and readers would disagree about what was
        // meant.
        if (!is_bytes(field) || has_graph) return malformed("ModelProto");
        has_graph = true;
        SEALEDGE_ASSIGN(model.graph, parse_graph(field.bytes, &budget));
        break;
      }
      case 8: {
        if (!is_bytes(field)) return malformed("ModelProto");
        if (model.opset_imports.size() == kMaxOperatorSets) return too_many("operator sets", kMaxOperatorSets);
        SEALEDGE_ASSIGN(const OperatorSet opset, parse_opset(field.bytes));
        model.opset_imports.push_back(opset);
        break;
      }
      case 25: {
        if (!is_bytes(field)) return malformed("ModelProto");
        SEALEDGE_ASSIGN(FunctionProto function, parse_function(field.bytes, &budget));
        model.functions.push_back(std::move(function));
        break;
      }
      default:
        break;
    }
  }
  if (!reader.ok()) return malformed("ModelProto: not an ONNX file, or cut short");
  if (!has_graph) return Error{ErrorCode::kModelInvalid, "no graph in the model: not an ONNX file"};
  return model;
}

}  // namespace sealedge
