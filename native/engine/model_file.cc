#include "engine/model_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace sealedge {

Result<std::vector<uint8_t>> read_model_file(const std::string& path) {
  const auto unreadable = [&](const std::string& why) {
    return Error{ErrorCode::kFileUnreadable, "cannot read model '" + path + "': " + why, {{"path", path}}};
  };
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return unreadable(std::strerror(errno));
  struct Closer {
    int descriptor;
    ~Closer() { ::close(descriptor); }
  } const closer{descriptor};
  struct stat status;
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) return unreadable("not a regular file");
  if (status.st_size < 0 || static_cast<uint64_t>(status.st_size) > kMaxModelBytes) {
    return Error{ErrorCode::kLimitExceeded,
                 "model '" + path + "' is larger than " + std::to_string(kMaxModelBytes) + " bytes"};
  }
  std::vector<uint8_t> bytes(static_cast<size_t>(status.st_size));
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t got = ::read(descriptor, bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return unreadable(std::strerror(errno));
    if (got == 0) return unreadable("it became shorter while being read");
    done += static_cast<size_t>(got);
  }
  return bytes;
}

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace sealedge
