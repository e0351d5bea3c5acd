#include "sealing/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <vector>

namespace sealedge {
namespace {

Error unreadable(const std::string& name, const std::string& why) {
  return {ErrorCode::kFileUnreadable, "cannot read " + name + ": " + why, {{"path", name}}};
}

std::string errno_text() { return std::generic_category().message(errno); }

Error past_the_end() { return {ErrorCode::kModelInvalid, "model refers to bytes past the end of its file"}; }

int64_t nanoseconds(const timespec& time) { return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

std::vector<std::string> split_path(const std::string& path) {
  std::vector<std::string> parts;
  size_t begin = 0;
  for (size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', begin)) {
    parts.push_back(path.substr(begin, slash - begin));
    begin = slash + 1;
  }
  parts.push_back(path.substr(begin));
  return parts;
}

}  // namespace

Result<void> MemorySource::read_at(uint64_t offset, std::span<uint8_t> out) const {
  if (offset > bytes_.size() || out.size() > bytes_.size() - offset) return past_the_end();
  if (!out.empty()) std::memcpy(out.data(), bytes_.data() + offset, out.size());
  return {};
}

Result<std::shared_ptr<FileSource>> FileSource::adopt(int fd, const std::string& name) {
  if (fd < 0) return unreadable(name, errno == ELOOP ? "a symbolic link is not followed here" : errno_text());
  std::shared_ptr<FileSource> file(new FileSource(fd, name));
  struct stat status;
  if (fstat(fd, &status) != 0) return unreadable(name, errno_text());
  if (!S_ISREG(status.st_mode)) return unreadable(name, "it is not a regular file");
  file->size_bytes_ = static_cast<uint64_t>(status.st_size);
  file->modified_ns_ = nanoseconds(status.st_mtim);
  return file;
}

Result<std::shared_ptr<FileSource>> FileSource::open(const std::string& path) {
  return adopt(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), path);
}

Result<std::shared_ptr<FileSource>> FileSource::open_below(const std::string& folder, const std::string& relative) {
  const std::vector<std::string> parts = split_path(relative);
  for (const std::string& part : parts) {
    if (part.empty() || part == "." || part == ".." || part.find('\0') != std::string::npos) {
      return Error{
          ErrorCode::kModelInvalid, "external data: not a path inside the model's folder", {{"path", relative}}};
    }
  }
  int directory = ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return unreadable(folder, errno_text());
  for (size_t i = 0; i + 1 < parts.size() && directory >= 0; ++i) {
    const int next = openat(directory, parts[i].c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    const int saved = errno;
    close(directory);
    errno = saved;
    directory = next;
  }
  if (directory < 0) return unreadable(relative, errno_text());
  const int fd = openat(directory, parts.back().c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  const int saved = errno;
  close(directory);
  errno = saved;
  return adopt(fd, relative);
}

FileSource::~FileSource() { close(fd_); }

Result<void> FileSource::read_at(uint64_t offset, std::span<uint8_t> out) const {
  if (offset > size_bytes_ || out.size() > size_bytes_ - offset) return past_the_end();
  while (!out.empty()) {
    const ssize_t count = pread(fd_, out.data(), out.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return unreadable(name_, errno_text());
    if (count == 0) return unreadable(name_, "it became shorter while it was read");
    out = out.subspan(static_cast<size_t>(count));
    offset += static_cast<uint64_t>(count);
  }
  return {};
}

bool FileSource::has_changed() const {
  struct stat status;
  return fstat(fd_, &status) != 0 || static_cast<uint64_t>(status.st_size) != size_bytes_ ||
         nanoseconds(status.st_mtim) != modified_ns_;
}

}  // namespace sealedge
