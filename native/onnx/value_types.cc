#include "onnx/value_types.h"

#include <string>

#include "graph/graph.h"

namespace sealedge {

Result<void> check_value_type(const ValueInfoProto& info, const char* kind) {
  const auto refuse = [&](const std::string& why) {
    const std::string name = printable(info.name);
    return Error{ErrorCode::kOpUnsupported, std::string(kind) + " '" + name + "': " + why, {{kind, name}}};
  };
  if (info.elem_type == 0)
    return refuse("no dense tensor (sequences, optionals, maps and sparse tensors are not supported)");
  const bool known = info.elem_type > 0 && info.elem_type < 256;
  const auto type = known ? static_cast<DataType>(info.elem_type) : DataType::kUndefined;
  const bool has_no_array = type == DataType::kBfloat16 || data_type_packed_bits(type) > 0;  // in JavaScript
  if (data_type_size_bytes(type) > 0 && !has_no_array) return {};
  const std::string name =
      type == DataType::kString || has_no_array ? data_type_name(type) : "type " + std::to_string(info.elem_type);
  return refuse("tensors of " + name + " are not supported");
}

}  // namespace sealedge
