#include "sealing/model_walk.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "sealing/onnx_fields.h"
#include "sealing/proto_scanner.h"
#include "sealing/tensor_scan.h"

namespace sealedge {
namespace {

// protobuf's own readers stop at 100 nested messages.
constexpr int kMaxDepth = 100;

enum class Kind : uint8_t { kModel, kGraph, kFunction, kNode, kAttribute, kSparseTensor, kTensor, kOther };

Kind child_kind(Kind parent, uint32_t field) {
  switch (parent) {
    case Kind::kModel:
      if (field == onnx::kModelGraph) return Kind::kGraph;
      if (field == onnx::kModelFunctions) return Kind::kFunction;
      return Kind::kOther;
    case Kind::kGraph:
      if (field == onnx::kGraphNode) return Kind::kNode;
      if (field == onnx::kGraphInitializer) return Kind::kTensor;
      if (field == onnx::kGraphSparseInitializer) return Kind::kSparseTensor;
      return Kind::kOther;
    case Kind::kFunction:
      return field == onnx::kFunctionNode ? Kind::kNode : Kind::kOther;
    case Kind::kNode:
      return field == onnx::kNodeAttribute ? Kind::kAttribute : Kind::kOther;
    case Kind::kAttribute:
      if (field == onnx::kAttributeT || field == onnx::kAttributeTensors) return Kind::kTensor;
      if (field == onnx::kAttributeG || field == onnx::kAttributeGraphs) return Kind::kGraph;
      if (field == onnx::kAttributeSparseTensor || field == onnx::kAttributeSparseTensors) return Kind::kSparseTensor;
      return Kind::kOther;
    case Kind::kSparseTensor:
      return field == onnx::kSparseValues || field == onnx::kSparseIndices ? Kind::kTensor : Kind::kOther;
    default:
      return Kind::kOther;
  }
}

Error too_large() {
  return {ErrorCode::kLimitExceeded,
          "model without its tensors is larger than " + std::to_string(kMaxGraphBytes) + " bytes"};
}

// What a message inherits from those around it.
struct Place {
  int depth = 0;
  bool inline_only = false;
  std::string constant_name;  // output of the Constant node that this is an attribute of
};

class ModelWalk {
 public:
  ModelWalk(const ModelFile& file, TensorVisitor visit) : file_(file), visit_(visit) {}

  Result<Rope> walk(Kind kind, uint64_t begin, uint64_t end, const Place& place) {
    if (place.depth > kMaxDepth) return Error{ErrorCode::kLimitExceeded, "model is nested too deeply"};
    Rope out;
    ProtoScanner scanner(*file_.source, begin, end);
    for (ScannedField field;;) {
      SEALEDGE_ASSIGN(const bool more, scanner.next(&field));
      if (!more) return out;
      const Kind child = field.wire_type == 2 ? child_kind(kind, field.number) : Kind::kOther;
      if (child == Kind::kOther) {
        SEALEDGE_TRY(copy_bytes(field.field_begin, field.end, &out));
      } else if (child == Kind::kTensor) {
        SEALEDGE_ASSIGN(Rope message, tensor(kind, field, place));
        out.append_message(field.number, std::move(message));
      } else {
        SEALEDGE_ASSIGN(const Place inner, place_of(kind, child, field, place));
        SEALEDGE_ASSIGN(Rope message, walk(child, field.begin, field.end, inner));
        out.append_message(field.number, std::move(message));
      }
      if (out.bytes.size() > kMaxGraphBytes) return too_large();
    }
  }

 private:
  Result<void> copy_bytes(uint64_t begin, uint64_t end, Rope* out) {
    if (end - begin > kMaxGraphBytes) return too_large();
    const size_t at = out->bytes.size();
    out->bytes.resize(at + static_cast<size_t>(end - begin));
    return file_.source->read_at(
        begin, {reinterpret_cast<uint8_t*>(out->bytes.data()) + at, static_cast<size_t>(end - begin)});
  }

  Result<Place> place_of(Kind parent, Kind child, const ScannedField& field, const Place& outer) {
    Place inner = outer;
    ++inner.depth;
    if (child == Kind::kSparseTensor) inner.inline_only = true;
    if (child == Kind::kNode) {
      SEALEDGE_ASSIGN(inner.constant_name, constant_output(field));
    }
    return inner;
  }

  // The first output of a Constant node; empty for any other node.
  Result<std::string> constant_output(const ScannedField& node) {
    std::string output;
    std::string op_type;
    bool seen_output = false;
    ProtoScanner scanner(*file_.source, node.begin, node.end);
    for (ScannedField field;;) {
      SEALEDGE_ASSIGN(const bool more, scanner.next(&field));
      if (!more) break;
      if (field.number == onnx::kNodeOpType) {
        SEALEDGE_ASSIGN(op_type, read_payload(*file_.source, field, kMaxNameBytes));
      } else if (field.number == onnx::kNodeOutput && !seen_output) {
        seen_output = true;
        SEALEDGE_ASSIGN(output, read_payload(*file_.source, field, kMaxNameBytes));
      }
    }
    return op_type == "Constant" ? output : std::string();
  }

  Result<Rope> tensor(Kind parent, const ScannedField& field, const Place& place) {
    Rope message;
    TensorRecord record;
    SEALEDGE_ASSIGN(const bool plain_copy, scan_tensor(file_.source, field.begin, field.end, &record, &message.bytes));
    if (plain_copy) {
      message.bytes.clear();
      SEALEDGE_TRY(copy_bytes(field.begin, field.end, &message));
      return message;
    }
    if (file_.folder.has_value() && !record.external_data.empty()) SEALEDGE_TRY(resolve_external(&record));
    SEALEDGE_TRY(record.external_data.empty() ? record.check_size() : Result<void>());
    const bool initializer = parent == Kind::kGraph;
    const bool list_item = parent == Kind::kAttribute && field.number == onnx::kAttributeTensors;
    if (!initializer) record.name = place.constant_name;
    TensorSite site = TensorSite::kGraph;
    // Operators read their own attributes while they are imported (TreeEnsemble); a Constant's tensor is a weight.
    const bool of_operator = !initializer && place.constant_name.empty();
    if (place.inline_only || list_item || of_operator) {
      site = TensorSite::kInlineOnly;
    }
    SEALEDGE_TRY(visit_(record, ordinal_++, site, &message));
    return message;
  }

  // ONNX external_data: location (relative to the model's folder), offset, length, checksum.
  Result<void> resolve_external(TensorRecord* record) {
    std::string location;
    uint64_t offset = 0;
    uint64_t length = record->size_bytes;
    for (const auto& [key, value] : record->external_data) {
      if (key == "location") location = value;
      if (key != "offset" && key != "length") continue;
      uint64_t* number = key == "offset" ? &offset : &length;
      const auto parsed = std::from_chars(value.data(), value.data() + value.size(), *number);
      if (parsed.ec != std::errc() || parsed.ptr != value.data() + value.size()) {
        return Error{ErrorCode::kModelInvalid, "tensor " + record->name + ": external data has a malformed " + key};
      }
    }
    auto& file = external_files_[location];
    if (file == nullptr) {
      SEALEDGE_ASSIGN(file, FileSource::open_below(*file_.folder, location));
    }
    if (length != record->size_bytes || offset > file->size_bytes() || length > file->size_bytes() - offset) {
      return Error{ErrorCode::kModelInvalid,
                   "tensor " + record->name + ": its external data is not inside " + location};
    }
    record->source = file;
    record->runs.clear();
    if (length > 0) record->runs.push_back({.begin = offset, .end = offset + length});
    record->external_data.clear();
    return {};
  }

  const ModelFile& file_;
  TensorVisitor visit_;
  size_t ordinal_ = 0;
  std::map<std::string, std::shared_ptr<FileSource>> external_files_;
};

}  // namespace

Result<ModelFile> open_model_file(const std::string& path) {
  ModelFile file;
  SEALEDGE_ASSIGN(file.source, FileSource::open(path));
  const size_t slash = path.rfind('/');
  file.folder = slash == std::string::npos ? "." : path.substr(0, std::max<size_t>(slash, 1));
  return file;
}

Result<Rope> walk_model(const ModelFile& file, TensorVisitor visit) {
  return ModelWalk(file, visit).walk(Kind::kModel, 0, file.source->size_bytes(), {});
}

Result<void> append_inline_data(const TensorRecord& record, Rope* message) {
  if (record.size_bytes == 0) return {};
  if (record.size_bytes > kMaxGraphBytes) return too_large();
  std::string data(static_cast<size_t>(record.size_bytes), '\0');
  SEALEDGE_TRY(TensorReader(record).read(0, {reinterpret_cast<uint8_t*>(data.data()), data.size()}));
  append_bytes_field(onnx::kTensorRawData, data, &message->bytes);
  return {};
}

void append_external_entries(const std::vector<std::pair<std::string, std::string>>& entries, Rope* message) {
  for (const auto& [key, value] : entries) {
    std::string entry;
    append_bytes_field(onnx::kEntryKey, key, &entry);
    append_bytes_field(onnx::kEntryValue, value, &entry);
    append_bytes_field(onnx::kTensorExternalData, entry, &message->bytes);
  }
}

void mark_external(Rope* message) {
  append_varint_field(onnx::kTensorDataLocation, onnx::kDataLocationExternal, &message->bytes);
}

void append_external_data(const std::vector<std::pair<std::string, std::string>>& entries, Rope* message) {
  append_external_entries(entries, message);
  mark_external(message);
}

}  // namespace sealedge
