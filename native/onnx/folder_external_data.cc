#include "onnx/folder_external_data.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "core/file_below.h"

namespace sealedge {

namespace {

// Open at once. Some exporters write one file per tensor.
constexpr size_t kMaxOpenFiles = 64;

Error refused(const TensorProto& tensor, const std::string& why) {
  return Error{ErrorCode::kModelInvalid, "external data of tensor '" + printable(tensor.name) + "': " + why};
}

bool parse_decimal(std::string_view text, uint64_t* value) {
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return status == std::errc() && end == text.data() + text.size();
}

}  // namespace

FolderExternalData::~FolderExternalData() { close_all(); }

void FolderExternalData::close_all() {
  for (const auto& [location, file] : files_) ::close(file.descriptor);
  files_.clear();
}

Result<FolderExternalData::File> FolderExternalData::open(const std::string& location) {
  if (const auto found = files_.find(location); found != files_.end()) return found->second;
  // Tensors are read in file order, so what was opened long ago is hardly asked for again.
  if (files_.size() == kMaxOpenFiles) close_all();
  SEALEDGE_ASSIGN(const OpenFile opened,
                  open_file_below(folder_, location, "external data file '" + printable(location) + "'"));
  const File file{opened.descriptor, opened.size_bytes};
  files_.emplace(location, file);
  return file;
}

Result<const uint8_t*> FolderExternalData::row_major(const TensorProto& tensor, size_t size_bytes,
                                                     ConstantStore* store) {
  std::string location;
  uint64_t offset = 0;
  uint64_t length = size_bytes;
  for (size_t i = 0; i < tensor.external_data.size(); ++i) {
    const auto& [key, value] = tensor.external_data[i];
    if (key != "location" && key != "offset" && key != "length") continue;  // checksum, and what other tools leave
    const auto same_key = [&](const auto& entry) { return entry.first == key; };
    if (std::count_if(tensor.external_data.begin(), tensor.external_data.end(), same_key) > 1) {
      return refused(tensor, "'" + std::string(key) + "' is given twice");
    }
    if (key == "location") {
      location = value;
    } else if (!parse_decimal(value, key == "offset" ? &offset : &length)) {
      return refused(tensor, std::string(key) + ": expected a number of bytes, got '" + printable(value) + "'");
    }
  }
  if (length != size_bytes) {
    return refused(tensor, "expected " + std::to_string(size_bytes) + " bytes, got " + std::to_string(length));
  }
  SEALEDGE_ASSIGN(const File file, open(location));
  if (offset > file.size_bytes || size_bytes > file.size_bytes - offset) {
    return refused(tensor, "the file '" + printable(location) + "' is too short");
  }
  SEALEDGE_ASSIGN(uint8_t* data, store->allocate(size_bytes));
  for (size_t done = 0; done < size_bytes;) {
    const ssize_t got = ::pread(file.descriptor, data + done, size_bytes - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return refused(tensor, "cannot read '" + printable(location) + "'");
    done += static_cast<size_t>(got);
  }
  return static_cast<const uint8_t*>(data);
}

Result<const uint8_t*> NoExternalData::row_major(const TensorProto& tensor, size_t, ConstantStore*) {
  return refused(tensor, "a model given as bytes has no folder");
}

}  // namespace sealedge
