// Random access to bytes that are not all in memory: a model file being sealed, an external data file, a graph in
// memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/result.h"

namespace sealedge {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual uint64_t size_bytes() const = 0;
  // Fills `out` from `offset`. Fails with kModelInvalid past the end, kFileUnreadable when reading fails. Thread-safe.
  virtual Result<void> read_at(uint64_t offset, std::span<uint8_t> out) const = 0;
  // True when the bytes may be others than they were at first.
  virtual bool has_changed() const { return false; }
};

// Bytes of the caller, which must outlive it.
class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  uint64_t size_bytes() const override { return bytes_.size(); }
  Result<void> read_at(uint64_t offset, std::span<uint8_t> out) const override;

 private:
  std::span<const uint8_t> bytes_;
};

// A regular file, read with pread(2).
class FileSource final : public ByteSource {
 public:
  static Result<std::shared_ptr<FileSource>> open(const std::string& path);
  // A file that a model names: see core/file_below.h.
  static Result<std::shared_ptr<FileSource>> open_below(const std::string& folder, const std::string& relative);
  ~FileSource() override;
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  uint64_t size_bytes() const override { return size_bytes_; }
  Result<void> read_at(uint64_t offset, std::span<uint8_t> out) const override;
  // By size and modification time.
  bool has_changed() const override;

 private:
  FileSource(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}
  static Result<std::shared_ptr<FileSource>> adopt(int fd, const std::string& name);

  int fd_;
  std::string name_;
  uint64_t size_bytes_ = 0;
  int64_t modified_ns_ = 0;
};

}  // namespace sealedge
