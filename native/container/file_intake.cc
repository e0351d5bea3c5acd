#include "container/file_intake.h"

#include <algorithm>
#include <limits>

#include "container/envelope.h"

namespace sealedge {
namespace {

bool all_zero(std::span<const uint8_t> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

}  // namespace

std::span<uint8_t> FileIntake::wanted() {
  if (stage_ == Stage::kData) return data_.writable().subspan(filled_);
  const size_t size = stage_ == Stage::kHeader ? kHeaderBytes : envelope_length_;
  front_.resize(size);
  return {reinterpret_cast<uint8_t*>(front_.data()) + filled_, size - filled_};
}

Result<void> FileIntake::commit(size_t count) {
  filled_ += count;
  if (stage_ == Stage::kHeader && filled_ == kHeaderBytes) {
    const std::span<const uint8_t> header(reinterpret_cast<const uint8_t*>(front_.data()), kHeaderBytes);
    SEALEDGE_ASSIGN(envelope_length_, parse_header(header.first<kHeaderBytes>()));
    stage_ = Stage::kEnvelope;
    filled_ = 0;
  } else if (stage_ == Stage::kEnvelope && filled_ == envelope_length_) {
    SEALEDGE_TRY(accept_envelope());
    stage_ = Stage::kData;
    filled_ = 0;
  }
  return {};
}

Result<void> FileIntake::accept_envelope() {
  SEALEDGE_ASSIGN(const Envelope envelope, parse_envelope(front_));
  SEALEDGE_ASSIGN(manifest_, parse_manifest(envelope.statement, envelope_length_));
  SEALEDGE_TRY(verify_envelope(envelope, manifest_.publisher_spki));
  SEALEDGE_TRY(key_.check(manifest_));
  data_begin_ = kHeaderBytes + envelope_length_;
  front_ = {};
  // Only now, by the word of a trusted publisher, memory of the file's size.
  const uint64_t rest = manifest_.total_length_bytes - data_begin_;
  if (rest > std::numeric_limits<size_t>::max())
    return Error{ErrorCode::kOutOfMemory, "sealed file exceeds the address space"};
  SEALEDGE_ASSIGN(data_, PrivateCopy::allocate(static_cast<size_t>(rest)));
  return {};
}

std::optional<uint64_t> FileIntake::total_length_bytes() const {
  if (stage_ != Stage::kData) return std::nullopt;
  return manifest_.total_length_bytes;
}

Result<void> FileIntake::finish() {
  if (stage_ != Stage::kData || filled_ != data_.bytes().size()) {
    return Error{ErrorCode::kTruncated, "sealed file ends early"};
  }
  SEALEDGE_TRY(data_.freeze());
  return check_padding();
}

Result<void> FileIntake::check_padding() const {
  size_t end = 0;
  for (const SegmentInfo& segment : manifest_.segments) {
    const size_t begin = static_cast<size_t>(segment.offset_bytes) - data_begin_;
    if (!all_zero(data_.bytes().subspan(end, begin - end))) {
      return Error{ErrorCode::kPaddingInvalid, "padding before a segment is not zero"};
    }
    end = begin + static_cast<size_t>(segment.length_bytes);
  }
  return {};
}

std::span<const uint8_t> FileIntake::ciphertext(const SegmentInfo& segment) const {
  return data_.bytes().subspan(static_cast<size_t>(segment.offset_bytes) - data_begin_,
                               static_cast<size_t>(segment.length_bytes));
}

void FileIntake::close() {
  key_.reset();
  data_.reset();
  closed_ = true;
}

}  // namespace sealedge
