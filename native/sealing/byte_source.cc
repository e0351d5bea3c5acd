#include "sealing/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "core/file_below.h"

namespace sealedge {
namespace {

Error unreadable(const std::string& name, const std::string& why) {
  return {ErrorCode::kFileUnreadable, "cannot read " + name + ": " + why, {{"path", name}}};
}

std::string errno_text() { return std::generic_category().message(errno); }

Error past_the_end() { return {ErrorCode::kModelInvalid, "model refers to bytes past the end of its file"}; }

int64_t nanoseconds(const timespec& time) { return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

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
  SEALEDGE_ASSIGN(const OpenFile opened, open_file_below(folder, relative, "external data"));
  std::shared_ptr<FileSource> file(new FileSource(opened.descriptor, relative));
  file->size_bytes_ = opened.size_bytes;
  file->modified_ns_ = opened.modified_ns;
  return file;
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
