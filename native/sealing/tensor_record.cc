#include "sealing/tensor_record.h"

#include <algorithm>
#include <cstring>

#include "core/checked.h"

namespace sealedge {
namespace {

constexpr size_t kWindowBytes = size_t{64} << 10;
constexpr size_t kMaxVarintBytes = 10;

// onnx.proto, TensorProto.DataType. Bits of one element; 0 for STRING and what this version does not know.
unsigned element_bits(int32_t data_type) {
  switch (data_type) {
    case 2:   // UINT8
    case 3:   // INT8
    case 9:   // BOOL
    case 17:  // FLOAT8E4M3FN
    case 18:  // FLOAT8E4M3FNUZ
    case 19:  // FLOAT8E5M2
    case 20:  // FLOAT8E5M2FNUZ
    case 24:  // FLOAT8E8M0
      return 8;
    case 4:   // UINT16
    case 5:   // INT16
    case 10:  // FLOAT16
    case 16:  // BFLOAT16
      return 16;
    case 1:   // FLOAT
    case 6:   // INT32
    case 12:  // UINT32
      return 32;
    case 7:   // INT64
    case 11:  // DOUBLE
    case 13:  // UINT64
    case 14:  // COMPLEX64
      return 64;
    case 15:  // COMPLEX128
      return 128;
    case 21:  // UINT4
    case 22:  // INT4
    case 23:  // FLOAT4E2M1
      return 4;
    default:
      return 0;
  }
}

Error wrong_size(const TensorRecord& record) {
  return {ErrorCode::kModelInvalid,
          "tensor " + record.name + ": its data does not have the size of its type and dimensions",
          {{"tensor", record.name}}};
}

}  // namespace

bool raw_size_bytes(int32_t data_type, const std::vector<int64_t>& dims, uint64_t* size_bytes) {
  uint64_t bits = element_bits(data_type);
  if (bits == 0) return false;
  for (int64_t dim : dims) {
    if (dim < 0 || !checked_mul(bits, static_cast<uint64_t>(dim), &bits)) return false;
  }
  *size_bytes = bits / 8 + (bits % 8 != 0 ? 1 : 0);
  return true;
}

uint8_t varint_entry_bytes(int32_t data_type) {
  switch (data_type) {
    case 6:   // INT32
    case 12:  // UINT32
      return 4;
    case 7:   // INT64
    case 13:  // UINT64
      return 8;
    default: {
      const unsigned bits = element_bits(data_type);
      return bits <= 16 ? static_cast<uint8_t>((bits + 7) / 8) : 0;
    }
  }
}

bool TensorRecord::sequential_only() const {
  return std::any_of(runs.begin(), runs.end(),
                     [](const DataRun& run) { return run.coding == DataRun::Coding::kVarint; });
}

Result<void> TensorRecord::check_size() const {
  if (sequential_only()) return {};
  uint64_t total = 0;
  for (const DataRun& run : runs) {
    if (run.tagged ? (run.end - run.begin) % (run.entry_bytes + 1U) != 0
                   : (run.end - run.begin) % run.entry_bytes != 0) {
      return wrong_size(*this);
    }
    total += run.raw_bytes();
  }
  if (total != size_bytes) return wrong_size(*this);
  return {};
}

Result<void> TensorReader::read(uint64_t offset, std::span<uint8_t> out) {
  if (offset > record_.size_bytes || out.size() > record_.size_bytes - offset) return wrong_size(record_);
  return record_.sequential_only() ? read_varints(offset, out) : read_fixed(offset, out);
}

Result<void> TensorReader::read_fixed(uint64_t offset, std::span<uint8_t> out) {
  for (const DataRun& run : record_.runs) {
    if (out.empty()) break;
    const uint64_t size = run.raw_bytes();
    if (offset >= size) {
      offset -= size;
      continue;
    }
    const auto part = out.first(static_cast<size_t>(std::min<uint64_t>(out.size(), size - offset)));
    if (run.tagged) {
      SEALEDGE_TRY(read_tagged(run, offset, part));
    } else {
      SEALEDGE_TRY(record_.source->read_at(run.begin + offset, part));
    }
    out = out.subspan(part.size());
    offset = 0;
  }
  if (!out.empty()) return wrong_size(record_);
  return {};
}

Result<void> TensorReader::read_tagged(const DataRun& run, uint64_t offset, std::span<uint8_t> out) {
  const size_t stride = run.entry_bytes + size_t{1};
  while (!out.empty()) {
    // A window of whole entries, from the one that `offset` is in.
    const uint64_t begin = run.begin + offset / run.entry_bytes * stride;
    window_.resize(static_cast<size_t>(std::min<uint64_t>(kWindowBytes / stride * stride, run.end - begin)));
    SEALEDGE_TRY(record_.source->read_at(begin, window_));
    size_t skip = static_cast<size_t>(offset % run.entry_bytes);
    for (size_t at = 1; at < window_.size() && !out.empty(); at += stride) {
      const size_t count = std::min(out.size(), run.entry_bytes - skip);
      std::memcpy(out.data(), window_.data() + at + skip, count);
      out = out.subspan(count);
      offset += count;
      skip = 0;
    }
  }
  return {};
}

Result<void> TensorReader::read_varints(uint64_t offset, std::span<uint8_t> out) {
  if (offset < produced_) {
    run_ = 0;
    position_ = 0;
    produced_ = 0;
  }
  while (!out.empty()) {
    uint64_t value = 0;
    uint8_t entry_bytes = 0;
    SEALEDGE_ASSIGN(const bool found, next_entry(&value, &entry_bytes));
    if (!found) return wrong_size(record_);
    for (uint8_t i = 0; i < entry_bytes; ++i, ++produced_) {
      if (produced_ < offset || out.empty()) continue;
      out[0] = static_cast<uint8_t>(value >> (8 * i));
      out = out.subspan(1);
    }
  }
  if (produced_ >= record_.size_bytes) {
    // All read: nothing may follow.
    uint64_t value = 0;
    uint8_t entry_bytes = 0;
    SEALEDGE_ASSIGN(const bool found, next_entry(&value, &entry_bytes));
    if (found || produced_ != record_.size_bytes) return wrong_size(record_);
  }
  return {};
}

Result<bool> TensorReader::next_entry(uint64_t* value, uint8_t* entry_bytes) {
  for (; run_ < record_.runs.size(); ++run_, position_ = 0) {
    const DataRun& run = record_.runs[run_];
    if (position_ == 0) position_ = run.begin;
    if (position_ >= run.end) continue;
    *entry_bytes = run.entry_bytes;
    if (run.coding == DataRun::Coding::kFixed) {
      uint8_t bytes[8] = {};
      if (run.tagged) ++position_;
      SEALEDGE_TRY(record_.source->read_at(position_, std::span(bytes).first(run.entry_bytes)));
      position_ += run.entry_bytes;
      std::memcpy(value, bytes, sizeof *value);
      return true;
    }
    uint64_t tag = 0;
    if (run.tagged) {
      SEALEDGE_ASSIGN(const bool has_tag, next_varint(run, &tag));
      if (!has_tag) return wrong_size(record_);
    }
    return next_varint(run, value);
  }
  return false;
}

Result<bool> TensorReader::next_varint(const DataRun& run, uint64_t* value) {
  *value = 0;
  for (size_t i = 0; i < kMaxVarintBytes && position_ < run.end; ++i, ++position_) {
    if (position_ < window_begin_ || position_ >= window_begin_ + window_.size()) {
      window_begin_ = position_;
      window_.resize(static_cast<size_t>(std::min<uint64_t>(kWindowBytes, run.end - position_)));
      SEALEDGE_TRY(record_.source->read_at(position_, window_));
    }
    const uint8_t byte = window_[static_cast<size_t>(position_ - window_begin_)];
    *value |= uint64_t{byte & 0x7FU} << (7 * i);
    if ((byte & 0x80) == 0) {
      ++position_;
      return true;
    }
  }
  return wrong_size(record_);
}

}  // namespace sealedge
