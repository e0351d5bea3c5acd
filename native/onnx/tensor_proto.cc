#include <string>
#include <utility>

#include "graph/graph.h"
#include "onnx/model_proto.h"
#include "onnx/proto_fields.h"

namespace sealedge {

namespace {

// StringStringEntryProto: key = 1, value = 2
Result<std::pair<std::string_view, std::string_view>> parse_entry(std::span<const uint8_t> bytes) {
  std::pair<std::string_view, std::string_view> entry;
  WireReader reader(bytes);
  for (WireField field; reader.next(&field);) {
    if (field.number > 2) continue;
    if (!is_bytes(field)) return malformed("StringStringEntryProto");
    (field.number == 1 ? entry.first : entry.second) = field.as_string();
  }
  if (!reader.ok()) return malformed("StringStringEntryProto");
  return entry;
}

}  // namespace

Result<TensorProto> parse_tensor(std::span<const uint8_t> bytes) {
  TensorProto tensor;
  tensor.message = bytes;
  WireReader reader(bytes);
  for (WireField field; reader.next(&field);) {
    bool fits = true;
    switch (field.number) {
      case 1:  // dims
        fits = append_varints(field, &tensor.dims);
        if (tensor.dims.size() > kMaxRank) return too_many("dimensions of a tensor", kMaxRank);
        break;
      case 2:  // data_type
        if ((fits = is_varint(field))) tensor.data_type = field.as_int32();
        break;
      case 3:  // segment: only ever used by tensors split over files, which no exporter writes
        return malformed("TensorProto: segments are not supported");
      case 4:   // float_data
      case 5:   // int32_data
      case 6:   // string_data
      case 7:   // int64_data
      case 10:  // double_data
      case 11:  // uint64_data
        tensor.has_typed_data |= !is_bytes(field) || !field.bytes.empty();
        break;
      case 8:  // name
        if ((fits = is_bytes(field))) tensor.name = field.as_string();
        break;
      case 9:  // raw_data
        if ((fits = is_bytes(field))) tensor.raw_data = field.bytes;
        tensor.has_raw_data = true;
        break;
      case 13: {  // external_data
        if (!(fits = is_bytes(field))) break;
        SEALEDGE_ASSIGN(auto entry, parse_entry(field.bytes));
        tensor.external_data.push_back(entry);
        break;
      }
      case 14:  // data_location: DEFAULT = 0, EXTERNAL = 1
        if ((fits = is_varint(field) && field.scalar <= 1)) tensor.external = field.scalar == 1;
        break;
      default:
        break;
    }
    if (!fits) return malformed("TensorProto");
  }
  if (!reader.ok()) return malformed("TensorProto");
  // onnx.proto: raw_data excludes the typed fields, external data excludes both.
  if (int{!tensor.raw_data.empty()} + int{tensor.has_typed_data} + int{tensor.external} > 1) {
    return Error{ErrorCode::kModelInvalid,
                 "tensor '" + printable(tensor.name) + "': expected its data in one place, got two"};
  }
  return tensor;
}

}  // namespace sealedge
