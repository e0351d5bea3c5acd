// Copies a ModelProto field by field, in order and with unknown fields, and asks a visitor what to put in place of each
// dense tensor's data (SPEC.md "Graph"). Tensor data itself is neither read nor copied here.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "core/function_ref.h"
#include "core/result.h"
#include "sealing/byte_source.h"
#include "sealing/proto_writer.h"
#include "sealing/tensor_record.h"

namespace sealedge {

enum class TensorSite : uint8_t {
  kGraph,       // an initializer, or the value of a Constant node: of the main graph, a body or a function
  kInlineOnly,  // another tensor attribute of a node, or a part of a sparse tensor or of a list of tensors
};

// Appends the data fields of tensor number `ordinal` (counted in file order) to its message: see append_*().
using TensorVisitor =
    FunctionRef<Result<void>(const TensorRecord& record, size_t ordinal, TensorSite site, Rope* message)>;

struct ModelFile {
  std::shared_ptr<const ByteSource> source;
  // Where external data files are. Absent: external data is left to the visitor (record.runs is then empty).
  std::optional<std::string> folder;
};

// An ONNX file, and its folder for external data.
Result<ModelFile> open_model_file(const std::string& path);

// Fails with kModelInvalid, kLimitExceeded (without tensors the model is bounded, see kMaxGraphBytes), kFileUnreadable,
// or as the visitor does. STRING tensors and types that raw_size_bytes() does not know are copied as they are, unseen
// by the visitor.
Result<Rope> walk_model(const ModelFile& file, TensorVisitor visit);

inline constexpr size_t kMaxGraphBytes = size_t{256} << 20;

// raw_data with all elements. Fails with kLimitExceeded when they do not fit a graph.
Result<void> append_inline_data(const TensorRecord& record, Rope* message);
// external_data entries and data_location = EXTERNAL.
void append_external_data(const std::vector<std::pair<std::string, std::string>>& entries, Rope* message);
// One and the other.
void mark_external(Rope* message);
void append_external_entries(const std::vector<std::pair<std::string, std::string>>& entries, Rope* message);

}  // namespace sealedge
