#include "container/open.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "container/file_intake.h"
#include "container/segments.h"

namespace sealedge {

struct SealedModel::Impl {
  explicit Impl(KeyPayload key) : intake(std::move(key)) {}
  FileIntake intake;
};

namespace {

Error unreadable(const std::string& path, const std::string& why) {
  return {ErrorCode::kFileUnreadable, "cannot read " + path + ": " + why, {{"path", path}}};
}

Error too_long(uint64_t expected) {
  return {ErrorCode::kLengthMismatch, "sealed file goes on after its end at " + std::to_string(expected) + " bytes"};
}

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// One read(2), retried when interrupted. 0 at the end of the file.
Result<size_t> read_some(int fd, std::span<uint8_t> out, const std::string& path) {
  constexpr size_t kMaxRead = size_t{1} << 30;  // read(2) moves at most 2^31 - 4096
  for (;;) {
    const ssize_t count = read(fd, out.data(), std::min(out.size(), kMaxRead));
    if (count >= 0) return static_cast<size_t>(count);
    if (errno != EINTR) return unreadable(path, std::generic_category().message(errno));
  }
}

Result<void> take_in(int fd, uint64_t file_size, const std::string& path, FileIntake* intake) {
  bool length_known = false;
  while (!intake->wanted().empty()) {
    SEALEDGE_ASSIGN(const size_t count, read_some(fd, intake->wanted(), path));
    if (count == 0) break;
    SEALEDGE_TRY(intake->commit(count));
    const auto total = intake->total_length_bytes();
    if (!length_known && total.has_value()) {
      // Before the bulk is read. A file that changes its size later is caught by finish() or by the last read.
      length_known = true;
      if (file_size < *total) return Error{ErrorCode::kTruncated, "sealed file ends early"};
      if (file_size > *total) return too_long(*total);
    }
  }
  if (intake->wanted().empty()) {
    uint8_t extra = 0;
    SEALEDGE_ASSIGN(const size_t count, read_some(fd, {&extra, 1}, path));
    if (count != 0) return too_long(*intake->total_length_bytes());
  }
  return intake->finish();
}

}  // namespace

Result<SealedModel> SealedModel::open_file(const std::string& path, std::span<const uint8_t> key_payload) {
  SEALEDGE_ASSIGN(KeyPayload key, KeyPayload::parse(key_payload));
  // O_NONBLOCK: opening a FIFO must not wait for a writer; it means nothing to a regular file.
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (file.get() < 0) {
    return unreadable(path, errno == ELOOP ? "it is a symbolic link" : std::generic_category().message(errno));
  }
  struct stat status;
  if (fstat(file.get(), &status) != 0) return unreadable(path, std::generic_category().message(errno));
  if (!S_ISREG(status.st_mode)) return unreadable(path, "it is not a regular file");
  auto impl = std::make_unique<Impl>(std::move(key));
  SEALEDGE_TRY(take_in(file.get(), static_cast<uint64_t>(status.st_size), path, &impl->intake));
  return SealedModel(std::move(impl));
}

Result<SealedModel> SealedModel::open_bytes(std::span<const uint8_t> file, std::span<const uint8_t> key_payload) {
  SEALEDGE_ASSIGN(SealedModelFeeder feeder, SealedModelFeeder::create(key_payload));
  SEALEDGE_TRY(feeder.feed(file));
  return feeder.finish();
}

SealedModel::SealedModel(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SealedModel::SealedModel(SealedModel&&) noexcept = default;
SealedModel& SealedModel::operator=(SealedModel&&) noexcept = default;
SealedModel::~SealedModel() = default;

const Manifest& SealedModel::manifest() const { return impl_->intake.manifest(); }

Result<void> SealedModel::load(size_t index, uint8_t layout_byte, std::span<uint8_t> out) const {
  FileIntake& intake = impl_->intake;
  if (intake.closed()) return Error{ErrorCode::kModelClosed, "sealed model is closed"};
  const SegmentInfo& segment = intake.manifest().segments[index];
  if (out.size() != segment.length_bytes) {
    return Error{ErrorCode::kOptionInvalid, "segment " + std::to_string(index) + ": expected " +
                                                std::to_string(segment.length_bytes) + " bytes of room, got " +
                                                std::to_string(out.size())};
  }
  auto result = decrypt_segment(intake.key().content_key(), segment, layout_byte, intake.ciphertext(segment), out);
  if (result.ok() || result.error().code != ErrorCode::kSegmentAuth) return result;
  const std::string which = std::to_string(index);
  return Error{ErrorCode::kSegmentAuth, "segment " + which + " does not verify", {{"segment", which}}};
}

Result<SecureBuffer> SealedModel::load_graph() const {
  SEALEDGE_ASSIGN(SecureBuffer out,
                  SecureBuffer::allocate(static_cast<size_t>(manifest().segments[0].length_bytes), "graph"));
  SEALEDGE_TRY(load_graph_into(out.span()));
  return out;
}

Result<void> SealedModel::load_graph_into(std::span<uint8_t> out) const { return load(0, kGraphLayoutByte, out); }

Result<void> SealedModel::load_segment_into(size_t index, WeightLayout layout, std::span<uint8_t> out) const {
  if (index == 0 || index >= segment_count()) {
    return Error{ErrorCode::kModelInvalid, "no weight segment " + std::to_string(index)};
  }
  return load(index, static_cast<uint8_t>(layout), out);
}

Result<SecureBuffer> SealedModel::load_segment(size_t index, WeightLayout layout) const {
  if (index == 0 || index >= segment_count()) {
    return Error{ErrorCode::kModelInvalid, "no weight segment " + std::to_string(index)};
  }
  SEALEDGE_ASSIGN(SecureBuffer out,
                  SecureBuffer::allocate(static_cast<size_t>(manifest().segments[index].length_bytes), "weights"));
  SEALEDGE_TRY(load_segment_into(index, layout, out.span()));
  return out;
}

void SealedModel::close() { impl_->intake.close(); }

SealedModelFeeder::SealedModelFeeder(std::unique_ptr<SealedModel::Impl> impl) : impl_(std::move(impl)) {}
SealedModelFeeder::SealedModelFeeder(SealedModelFeeder&&) noexcept = default;
SealedModelFeeder& SealedModelFeeder::operator=(SealedModelFeeder&&) noexcept = default;
SealedModelFeeder::~SealedModelFeeder() = default;

Result<SealedModelFeeder> SealedModelFeeder::create(std::span<const uint8_t> key_payload) {
  SEALEDGE_ASSIGN(KeyPayload key, KeyPayload::parse(key_payload));
  return SealedModelFeeder(std::make_unique<SealedModel::Impl>(std::move(key)));
}

Result<void> SealedModelFeeder::feed(std::span<const uint8_t> piece) {
  if (impl_ == nullptr) return Error{ErrorCode::kModelClosed, "nothing can be fed after a failure or the end"};
  const auto take = [this](std::span<const uint8_t> rest) -> Result<void> {
    while (!rest.empty()) {
      const std::span<uint8_t> room = impl_->intake.wanted();
      if (room.empty()) return too_long(*impl_->intake.total_length_bytes());
      const size_t count = std::min(room.size(), rest.size());
      std::memcpy(room.data(), rest.data(), count);
      SEALEDGE_TRY(impl_->intake.commit(count));
      rest = rest.subspan(count);
    }
    return {};
  };
  auto result = take(piece);
  if (!result.ok()) impl_.reset();
  return result;
}

Result<SealedModel> SealedModelFeeder::finish() {
  if (impl_ == nullptr) return Error{ErrorCode::kModelClosed, "nothing can be fed after a failure or the end"};
  auto impl = std::move(impl_);
  SEALEDGE_TRY(impl->intake.finish());
  return SealedModel(std::move(impl));
}

}  // namespace sealedge
