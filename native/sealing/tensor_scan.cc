#include "sealing/tensor_scan.h"

#include "sealing/onnx_fields.h"
#include "sealing/proto_scanner.h"

namespace sealedge {
namespace {

// doc_string and metadata are copied; this bounds one such field.
constexpr uint64_t kMaxCopiedFieldBytes = uint64_t{16} << 20;
constexpr size_t kMaxTensorRank = 64;
// Writers put all data into one field. Pieces cost a search each time that data is read.
constexpr size_t kMaxRuns = 4096;

Error malformed(const char* what) {
  return {ErrorCode::kModelInvalid, std::string("model has a malformed tensor: ") + what};
}

// onnx.proto, TensorProto: the one field, besides raw_data, that holds elements of this type.
uint32_t data_field(int32_t data_type) {
  switch (data_type) {
    case 1:   // FLOAT
    case 14:  // COMPLEX64
      return onnx::kTensorFloatData;
    case 11:  // DOUBLE
    case 15:  // COMPLEX128
      return onnx::kTensorDoubleData;
    case 7:  // INT64
      return onnx::kTensorInt64Data;
    case 12:  // UINT32
    case 13:  // UINT64
      return onnx::kTensorUint64Data;
    default:
      return onnx::kTensorInt32Data;
  }
}

class TensorScan {
 public:
  TensorScan(const ByteSource& source, TensorRecord* record, std::string* fields)
      : source_(source), record_(record), fields_(fields) {}

  Result<void> scan(uint64_t begin, uint64_t end) {
    ProtoScanner scanner(source_, begin, end);
    for (ScannedField field;;) {
      SEALEDGE_ASSIGN(const bool more, scanner.next(&field));
      if (!more) return {};
      SEALEDGE_TRY(take(field));
    }
  }

  bool has_data_elsewhere() const { return external_; }
  // The runs of the field that holds this type's data; raw_data goes before all others, as in onnxruntime.
  std::vector<DataRun> runs() const { return raw_.empty() ? typed_ : raw_; }
  // Where typed data was seen is where this type has it.
  bool typed_data_fits(int32_t data_type) const {
    return !raw_.empty() || typed_.empty() || (one_field_ && typed_field_ == data_field(data_type));
  }

 private:
  Result<void> take(const ScannedField& field) {
    switch (field.number) {
      case onnx::kTensorRawData:
        if (field.wire_type != 2) return malformed("raw_data");
        raw_ = {{.begin = field.begin, .end = field.end}};
        return {};
      case onnx::kTensorFloatData:
        return take_fixed(field, 4);
      case onnx::kTensorDoubleData:
        return take_fixed(field, 8);
      case onnx::kTensorInt32Data:
      case onnx::kTensorInt64Data:
      case onnx::kTensorUint64Data:
        return take_varint(field);
      case onnx::kTensorExternalData:
        return take_external(field);
      case onnx::kTensorDataLocation:
        external_ = field.scalar == onnx::kDataLocationExternal;
        return {};
      default:
        return take_other(field);
    }
  }

  Result<void> take_other(const ScannedField& field) {
    if (field.number == onnx::kTensorDims) SEALEDGE_TRY(take_dims(field));
    if (field.number == onnx::kTensorDataType) record_->data_type = static_cast<int32_t>(field.scalar);
    if (field.number == onnx::kTensorName) {
      SEALEDGE_ASSIGN(record_->name, read_payload(source_, field, kMaxNameBytes));
    }
    if (field.end - field.field_begin > kMaxCopiedFieldBytes) {
      // A STRING tensor may be larger: then all of it is copied by the caller, under the bound of the graph.
      return {};
    }
    const size_t at = fields_->size();
    fields_->resize(at + static_cast<size_t>(field.end - field.field_begin));
    return source_.read_at(field.field_begin, {reinterpret_cast<uint8_t*>(fields_->data()) + at, fields_->size() - at});
  }

  Result<void> take_dims(const ScannedField& field) {
    if (field.wire_type == 0) {
      record_->dims.push_back(static_cast<int64_t>(field.scalar));
    } else {
      // Packed: a message of varints without tags. Ten bytes hold any of them.
      SEALEDGE_ASSIGN(const std::string packed, read_payload(source_, field, kMaxTensorRank * 10));
      uint64_t value = 0;
      unsigned shift = 0;
      for (const char c : packed) {
        if (shift > 63) return malformed("dims");
        value |= (static_cast<uint64_t>(c) & 0x7F) << shift;
        shift += 7;
        if ((c & 0x80) != 0) continue;
        record_->dims.push_back(static_cast<int64_t>(value));
        value = 0;
        shift = 0;
      }
      if (shift != 0) return malformed("dims");
    }
    if (record_->dims.size() > kMaxTensorRank) return malformed("too many dims");
    return {};
  }

  Result<void> take_fixed(const ScannedField& field, uint8_t entry_bytes) {
    const bool packed = field.wire_type == 2;
    if (!packed && field.wire_type != (entry_bytes == 4 ? 5 : 1)) return malformed("float_data or double_data");
    return append_run(field.number, {.tagged = !packed,
                                     .entry_bytes = entry_bytes,
                                     .begin = packed ? field.begin : field.field_begin,
                                     .end = field.end});
  }

  Result<void> take_varint(const ScannedField& field) {
    const bool packed = field.wire_type == 2;
    if (!packed && field.wire_type != 0) return malformed("int32_data, int64_data or uint64_data");
    return append_run(field.number, {.coding = DataRun::Coding::kVarint,
                                     .tagged = !packed,
                                     .begin = packed ? field.begin : field.field_begin,
                                     .end = field.end});
  }

  // Unpacked entries come one field each: neighbours are one run.
  Result<void> append_run(uint32_t number, const DataRun& run) {
    if (run.begin == run.end) return {};
    one_field_ = typed_.empty() || (one_field_ && number == typed_field_);
    typed_field_ = number;
    if (!typed_.empty() && run.tagged && typed_.back().tagged && typed_.back().end == run.begin &&
        typed_.back().coding == run.coding && typed_.back().entry_bytes == run.entry_bytes) {
      typed_.back().end = run.end;
      return {};
    }
    if (typed_.size() == kMaxRuns) return malformed("its data is in too many pieces");
    typed_.push_back(run);
    return {};
  }

  Result<void> take_external(const ScannedField& field) {
    if (field.wire_type != 2) return malformed("external_data");
    std::pair<std::string, std::string> entry;
    ProtoScanner scanner(source_, field.begin, field.end);
    for (ScannedField part;;) {
      SEALEDGE_ASSIGN(const bool more, scanner.next(&part));
      if (!more) break;
      if (part.number == onnx::kEntryKey) {
        SEALEDGE_ASSIGN(entry.first, read_payload(source_, part, kMaxNameBytes));
      } else if (part.number == onnx::kEntryValue) {
        SEALEDGE_ASSIGN(entry.second, read_payload(source_, part, kMaxNameBytes));
      }
    }
    record_->external_data.push_back(std::move(entry));
    return {};
  }

  const ByteSource& source_;
  TensorRecord* record_;
  std::string* fields_;
  bool external_ = false;
  std::vector<DataRun> raw_;
  std::vector<DataRun> typed_;
  uint32_t typed_field_ = 0;
  bool one_field_ = true;
};

}  // namespace

Result<bool> scan_tensor(const std::shared_ptr<const ByteSource>& source, uint64_t begin, uint64_t end,
                         TensorRecord* record, std::string* fields) {
  TensorScan scan(*source, record, fields);
  SEALEDGE_TRY(scan.scan(begin, end));
  const bool known = raw_size_bytes(record->data_type, record->dims, &record->size_bytes);
  if (scan.has_data_elsewhere()) {
    if (!known) return malformed("external data of an unknown type");
    if (record->external_data.empty()) return malformed("external data without a location");
    return false;
  }
  record->external_data.clear();
  if (!known) {
    uint64_t element = 0;
    if (raw_size_bytes(record->data_type, {}, &element)) return malformed("dims");
    return true;
  }
  if (!scan.typed_data_fits(record->data_type)) return malformed("data in a field that its type does not use");
  record->source = source;
  record->runs = scan.runs();
  for (DataRun& run : record->runs) {
    if (run.coding == DataRun::Coding::kVarint) run.entry_bytes = varint_entry_bytes(record->data_type);
    if (run.entry_bytes == 0) return malformed("data in a field that its type does not use");
  }
  return false;
}

}  // namespace sealedge
