// Writes small ONNX models for tests, field by field: what a test wants to be wrong can be.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace sealedge::testing {

class Proto {
 public:
  Proto& varint(uint32_t field, uint64_t value) {
    put(uint64_t{field} << 3);
    put(value);
    return *this;
  }
  Proto& bytes(uint32_t field, const std::string& value) {
    put(uint64_t{field} << 3 | 2);
    put(value.size());
    bytes_ += value;
    return *this;
  }
  Proto& message(uint32_t field, const Proto& value) { return bytes(field, value.bytes_); }
  Proto& fixed32(uint32_t field, float value) {
    put(uint64_t{field} << 3 | 5);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  const std::string& str() const { return bytes_; }
  std::vector<uint8_t> data() const { return {bytes_.begin(), bytes_.end()}; }

 private:
  void put(uint64_t value) {
    while (value >= 0x80) {
      bytes_ += static_cast<char>(value | 0x80);
      value >>= 7;
    }
    bytes_ += static_cast<char>(value);
  }
  std::string bytes_;
};

inline Proto int_attribute(const std::string& name, int64_t value) {
  return Proto().bytes(1, name).varint(3, static_cast<uint64_t>(value)).varint(20, 2);
}
inline Proto float_attribute(const std::string& name, float value) {
  return Proto().bytes(1, name).fixed32(2, value).varint(20, 1);
}
inline Proto string_attribute(const std::string& name, const std::string& value) {
  return Proto().bytes(1, name).bytes(4, value).varint(20, 3);
}
inline Proto ints_attribute(const std::string& name, const std::vector<int64_t>& values) {
  Proto attribute = Proto().bytes(1, name);
  for (int64_t value : values) attribute.varint(8, static_cast<uint64_t>(value));
  return attribute.varint(20, 7);
}

inline Proto floats_attribute(const std::string& name, const std::vector<float>& values) {
  Proto attribute = Proto().bytes(1, name);
  for (float value : values) attribute.fixed32(7, value);
  return attribute.varint(20, 6);
}

inline Proto strings_attribute(const std::string& name, const std::vector<std::string>& values) {
  Proto attribute = Proto().bytes(1, name);
  for (const std::string& value : values) attribute.bytes(9, value);
  return attribute.varint(20, 8);
}

template <typename T>
std::string raw(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

inline Proto tensor(const std::string& name, int type, const std::vector<int64_t>& dims, const std::string& raw_data) {
  Proto proto;
  for (int64_t dim : dims) proto.varint(1, static_cast<uint64_t>(dim));
  return proto.varint(2, static_cast<uint64_t>(type)).bytes(8, name).bytes(9, raw_data);
}
inline Proto floats(const std::string& name, const std::vector<int64_t>& dims, const std::vector<float>& values) {
  return tensor(name, 1, dims, raw(values));
}
inline Proto int64s(const std::string& name, const std::vector<int64_t>& dims, const std::vector<int64_t>& values) {
  return tensor(name, 7, dims, raw(values));
}

inline Proto node(const std::string& op_type, const std::vector<std::string>& inputs,
                  const std::vector<std::string>& outputs, const std::vector<Proto>& attributes = {},
                  const std::string& domain = "") {
  Proto proto;
  for (const auto& input : inputs) proto.bytes(1, input);
  for (const auto& output : outputs) proto.bytes(2, output);
  proto.bytes(3, outputs.empty() ? op_type : "make_" + outputs[0]).bytes(4, op_type);
  for (const Proto& attribute : attributes) proto.message(5, attribute);
  if (!domain.empty()) proto.bytes(7, domain);
  return proto;
}

// dims < 0 are symbolic.
inline Proto value_info(const std::string& name, int type, const std::vector<int64_t>& dims) {
  Proto shape;
  for (int64_t dim : dims) {
    shape.message(1, dim < 0 ? Proto().bytes(2, "N") : Proto().varint(1, static_cast<uint64_t>(dim)));
  }
  const Proto tensor_type = Proto().varint(1, static_cast<uint64_t>(type)).message(2, shape);
  return Proto().bytes(1, name).message(2, Proto().message(1, tensor_type));
}

struct ModelBuilder {
  int64_t opset = 17;
  std::vector<Proto> nodes, initializers, inputs, outputs, functions;
  std::vector<std::string> domains;  // of operators beside the standard's, in their first version

  ModelBuilder& add(const Proto& proto) {
    nodes.push_back(proto);
    return *this;
  }
  ModelBuilder& constant(const Proto& proto) {
    initializers.push_back(proto);
    return *this;
  }
  ModelBuilder& input(const std::string& name, const std::vector<int64_t>& dims, int type = 1) {
    inputs.push_back(value_info(name, type, dims));
    return *this;
  }
  ModelBuilder& output(const std::string& name, int type = 1) {
    outputs.push_back(
        Proto().bytes(1, name).message(2, Proto().message(1, Proto().varint(1, static_cast<uint64_t>(type)))));
    return *this;
  }
  ModelBuilder& function(const Proto& proto) {
    functions.push_back(proto);
    return *this;
  }
  Proto graph() const {
    Proto proto = Proto().bytes(2, "test");
    for (const Proto& part : nodes) proto.message(1, part);
    for (const Proto& part : initializers) proto.message(5, part);
    for (const Proto& part : inputs) proto.message(11, part);
    for (const Proto& part : outputs) proto.message(12, part);
    return proto;
  }
  std::vector<uint8_t> build() const {
    Proto model = Proto().varint(1, 8).message(7, graph());
    model.message(8, Proto().bytes(1, "").varint(2, static_cast<uint64_t>(opset)));
    if (!functions.empty()) model.message(8, Proto().bytes(1, "own").varint(2, 1));
    for (const std::string& domain : domains) model.message(8, Proto().bytes(1, domain).varint(2, 1));
    for (const Proto& proto : functions) model.message(25, proto);
    return model.data();
  }
};

// A body: give it nodes, inputs and outputs as a model.
inline Proto graph_attribute(const std::string& name, const ModelBuilder& body) {
  return Proto().bytes(1, name).message(6, body.graph()).varint(20, 5);
}

}  // namespace sealedge::testing
