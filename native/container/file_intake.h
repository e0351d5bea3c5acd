// Takes in a sealed file from front to back and checks each part as soon as it is complete: header, envelope and
// signature and trust, then length and padding. Both a file and a stream of pieces are read through this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "container/key_payload.h"
#include "container/manifest.h"
#include "container/private_copy.h"
#include "core/result.h"

namespace sealedge {

class FileIntake {
 public:
  explicit FileIntake(KeyPayload key) : key_(std::move(key)) {}

  // Where the next bytes of the file go; empty when the file is complete by its own account.
  std::span<uint8_t> wanted();
  // `count` bytes (<= wanted().size()) have been put there.
  Result<void> commit(size_t count);
  // The file's length, once the envelope has been accepted.
  std::optional<uint64_t> total_length_bytes() const;
  // Nothing more comes: complete, and all padding zero?
  Result<void> finish();

  const Manifest& manifest() const { return manifest_; }
  // Precondition of both: finish() succeeded.
  KeyPayload& key() { return key_; }
  std::span<const uint8_t> ciphertext(const SegmentInfo& segment) const;
  void close();
  bool closed() const { return closed_; }

 private:
  enum class Stage : uint8_t { kHeader, kEnvelope, kData };

  Result<void> accept_envelope();
  Result<void> check_padding() const;

  KeyPayload key_;
  Stage stage_ = Stage::kHeader;
  std::string front_;  // header, then envelope
  size_t filled_ = 0;  // bytes of the stage's buffer that are there
  size_t envelope_length_ = 0;
  size_t data_begin_ = 0;  // file offset of data_[0]: the end of the envelope
  PrivateCopy data_;
  Manifest manifest_;
  bool closed_ = false;
};

}  // namespace sealedge
