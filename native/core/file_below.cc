#include "core/file_below.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

namespace sealedge {

namespace {

constexpr size_t kMaxLocationBytes = 4096;  // PATH_MAX: so long no path can be anyway, and every component costs a call

// Empty when the location does not stay below its folder.
std::vector<std::string> split_location(const std::string& location) {
  std::vector<std::string> components;
  if (location.size() >= kMaxLocationBytes || location.find('\0') != std::string::npos) return {};
  for (size_t at = 0; at <= location.size();) {
    const size_t end = std::min(location.find('/', at), location.size());
    const std::string component = location.substr(at, end - at);
    if (component.empty() || component == "..") return {};
    if (component != ".") components.push_back(component);
    at = end + 1;
  }
  return components;
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { reset(-1); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  void reset(int fd) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

// Why this is not a file to read; empty when it is one. A hard link shows nothing of where else the file is: somebody
// who may write into the model's folder could have linked any file of the same file system into it.
std::string objection(const struct stat& status) {
  if (S_ISLNK(status.st_mode)) return "is a symbolic link";
  if (!S_ISREG(status.st_mode)) return "is not a regular file";
  if (status.st_nlink != 1) {
    return "expected a file with one hard link, got " + std::to_string(status.st_nlink) +
           " (a copy of the file is accepted)";
  }
  return "";
}

}  // namespace

Result<OpenFile> open_file_below(const std::string& folder, const std::string& location, const std::string& what) {
  const auto unreadable = [&](const std::string& why) { return Error{ErrorCode::kFileUnreadable, what + ": " + why}; };
  const auto system_error = [&](int error) { return unreadable(std::generic_category().message(error)); };
  const std::vector<std::string> components = split_location(location);
  if (components.empty()) return Error{ErrorCode::kModelInvalid, what + ": expected a path below the model's folder"};

  // One component at a time, so that no link is followed anywhere on the way.
  Descriptor at(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (at.get() < 0) return system_error(errno);
  struct stat status;
  for (size_t i = 0; i + 1 < components.size(); ++i) {
    const int next = ::openat(at.get(), components[i].c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (next < 0) {
      const int error = errno;
      const bool link =
          ::fstatat(at.get(), components[i].c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode);
      return link ? unreadable("is behind a symbolic link") : system_error(error);
    }
    at.reset(next);
  }
  // Looked at before opening, because opening a device may already do something; and again afterwards, because it may
  // have been exchanged in between.
  const char* name = components.back().c_str();
  if (::fstatat(at.get(), name, &status, AT_SYMLINK_NOFOLLOW) != 0) return system_error(errno);
  if (const std::string why = objection(status); !why.empty()) return unreadable(why);
  Descriptor file(::openat(at.get(), name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (file.get() < 0) return system_error(errno);
  if (::fstat(file.get(), &status) != 0) return system_error(errno);
  if (const std::string why = objection(status); !why.empty()) return unreadable(why);
  return OpenFile{file.release(), static_cast<uint64_t>(status.st_size),
                  int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec};
}

}  // namespace sealedge
