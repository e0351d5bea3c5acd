// Small ONNX files made by hand, in every way that tensor data can be written.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sealing/onnx_fields.h"
#include "sealing/proto_writer.h"

namespace sealedge::testing {

inline std::string varint_field(uint32_t field, uint64_t value) {
  std::string out;
  append_varint_field(field, value, &out);
  return out;
}

inline std::string bytes_field(uint32_t field, std::string_view bytes) {
  std::string out;
  append_bytes_field(field, bytes, &out);
  return out;
}

inline std::string fixed32_field(uint32_t field, float value) {
  std::string out;
  append_tag(field, 5, &out);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
  return out;
}

template <typename T>
std::string raw_bytes(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

inline std::string packed_varints(const std::vector<uint64_t>& values) {
  std::string out;
  for (const uint64_t value : values) append_varint(value, &out);
  return out;
}

// A TensorProto without data: dims, data_type, name.
inline std::string tensor_head(std::string_view name, int32_t data_type, const std::vector<int64_t>& dims) {
  std::string out;
  for (const int64_t dim : dims) out += varint_field(onnx::kTensorDims, static_cast<uint64_t>(dim));
  out += varint_field(onnx::kTensorDataType, static_cast<uint64_t>(data_type));
  out += bytes_field(onnx::kTensorName, name);
  return out;
}

inline std::string external_entry(std::string_view key, std::string_view value) {
  return bytes_field(onnx::kTensorExternalData,
                     bytes_field(onnx::kEntryKey, key) + bytes_field(onnx::kEntryValue, value));
}

inline std::string node(std::string_view op_type, const std::vector<std::string>& inputs, std::string_view output,
                        const std::string& attributes = {}) {
  std::string out;
  for (const std::string& input : inputs) out += bytes_field(1, input);
  out += bytes_field(onnx::kNodeOutput, output) + bytes_field(onnx::kNodeOpType, op_type) + attributes;
  return bytes_field(onnx::kGraphNode, out);
}

inline std::string value_info(uint32_t field, std::string_view name, const std::vector<int64_t>& dims) {
  std::string shape;
  for (const int64_t dim : dims) shape += bytes_field(1, varint_field(1, static_cast<uint64_t>(dim)));
  return bytes_field(field,
                     bytes_field(1, name) + bytes_field(2, bytes_field(1, varint_field(1, 1) + bytes_field(2, shape))));
}

inline std::string model(const std::string& graph) {
  return varint_field(1, 8) + bytes_field(onnx::kModelGraph, graph) + bytes_field(8, varint_field(2, 17));
}

}  // namespace sealedge::testing
