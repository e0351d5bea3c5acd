#include "onnx/folder_external_data.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <vector>

namespace sealedge {

namespace {

// A hostile model names files of its own; this many are open at once at most.
constexpr size_t kMaxFiles = 64;

Error refused(const TensorProto& tensor, const std::string& why) {
  return Error{ErrorCode::kModelInvalid, "external data of tensor '" + printable(tensor.name) + "': " + why};
}

bool parse_decimal(std::string_view text, uint64_t* value) {
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return status == std::errc() && end == text.data() + text.size();
}

// The components of a relative path that stays below its folder; empty when it does not.
std::vector<std::string> split_location(const std::string& location) {
  std::vector<std::string> components;
  if (location.find('\0') != std::string::npos || location.starts_with('/')) return {};
  for (size_t at = 0; at <= location.size();) {
    const size_t end = std::min(location.find('/', at), location.size());
    const std::string component = location.substr(at, end - at);
    if (component.empty() || component == "..") return {};
    if (component != ".") components.push_back(component);
    at = end + 1;
  }
  return components;
}

}  // namespace

FolderExternalData::~FolderExternalData() {
  for (const auto& [location, file] : files_) ::close(file.descriptor);
}

Result<FolderExternalData::File> FolderExternalData::open(const std::string& location) {
  if (const auto found = files_.find(location); found != files_.end()) return found->second;
  const auto unreadable = [&](const std::string& why) {
    return Error{ErrorCode::kFileUnreadable, "external data file '" + printable(location) + "': " + why};
  };
  if (files_.size() == kMaxFiles) return unreadable("more than " + std::to_string(kMaxFiles) + " files");
  const std::vector<std::string> components = split_location(location);
  if (components.empty()) return unreadable("expected a path below the model's folder");

  // One component at a time, so that no link is followed anywhere on the way.
  int at = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (size_t i = 0; i < components.size() && at >= 0; ++i) {
    const bool last = i + 1 == components.size();
    const int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | (last ? O_NONBLOCK : O_DIRECTORY);
    const int next = ::openat(at, components[i].c_str(), flags);
    const int error = errno;
    ::close(at);
    errno = error;
    at = next;
  }
  if (at < 0) return unreadable(errno == ELOOP ? "is a symbolic link" : std::strerror(errno));
  struct stat status;
  if (::fstat(at, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(at);
    return unreadable("is not a regular file");
  }
  const File file{at, static_cast<uint64_t>(status.st_size)};
  files_.emplace(location, file);
  return file;
}

Result<const uint8_t*> FolderExternalData::row_major(const TensorProto& tensor, size_t size_bytes,
                                                     ConstantStore* store) {
  std::string location;
  uint64_t offset = 0;
  uint64_t length = size_bytes;
  for (const auto& [key, value] : tensor.external_data) {
    bool valid = true;
    if (key == "location") location = value;
    if (key == "offset") valid = parse_decimal(value, &offset);
    if (key == "length") valid = parse_decimal(value, &length);
    if (!valid) return refused(tensor, "malformed " + std::string(key));
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
