#include "memory/probe_set.h"

#include <bitset>
#include <cstring>

namespace sealedge {
namespace {

constexpr size_t kPairs = 65536;
constexpr unsigned kBucketBits = 12;
constexpr size_t kMinDistinctBytes = 6;

size_t bucket_of(const uint8_t* bytes) {
  uint32_t prefix = 0;
  std::memcpy(&prefix, bytes, sizeof prefix);
  return (prefix * 2654435769U) >> (32 - kBucketBits);  // Fibonacci hashing
}

bool is_distinctive(const uint8_t* bytes) {
  std::bitset<256> seen;
  for (size_t i = 0; i < ProbeSet::kProbeBytes; ++i) seen.set(bytes[i]);
  return seen.count() >= kMinDistinctBytes;
}

uint32_t* words(SecureBuffer& buffer) { return reinterpret_cast<uint32_t*>(buffer.data()); }
const uint32_t* words(const SecureBuffer& buffer) { return reinterpret_cast<const uint32_t*>(buffer.data()); }

}  // namespace

Result<ProbeSet> ProbeSet::create(size_t capacity) {
  if (capacity == 0 || capacity > (size_t{1} << 20)) {
    return Error{ErrorCode::kOptionInvalid, "probes: expected 1 to 1048576, got " + std::to_string(capacity)};
  }
  ProbeSet set;
  set.capacity_ = capacity;
  SEALEDGE_ASSIGN(set.probes_, SecureBuffer::allocate(capacity * kProbeBytes, "residency probes"));
  SEALEDGE_ASSIGN(set.first_bytes_, SecureBuffer::allocate(kPairs / 8, "residency probes"));
  SEALEDGE_ASSIGN(set.heads_, SecureBuffer::allocate((sizeof(uint32_t) << kBucketBits), "residency probes"));
  SEALEDGE_ASSIGN(set.next_, SecureBuffer::allocate(capacity * sizeof(uint32_t), "residency probes"));
  return set;
}

bool ProbeSet::add(const uint8_t* bytes) {
  if (size_ == capacity_ || !is_distinctive(bytes)) return false;
  std::memcpy(probes_.data() + size_ * kProbeBytes, bytes, kProbeBytes);
  const size_t pair = bytes[0] | (size_t{bytes[1]} << 8);
  first_bytes_.data()[pair / 8] |= static_cast<uint8_t>(1U << (pair % 8));
  uint32_t& head = words(heads_)[bucket_of(bytes)];
  words(next_)[size_] = head;
  head = static_cast<uint32_t>(++size_);
  return true;
}

void ProbeSet::search(const uint8_t* data, size_t size_bytes, FunctionRef<void(size_t, size_t)> on_hit) const {
  if (size_bytes < kProbeBytes) return;
  const uint8_t* first_bytes = first_bytes_.data();
  for (size_t at = 0; at + kProbeBytes <= size_bytes; ++at) {
    const size_t pair = data[at] | (size_t{data[at + 1]} << 8);
    if ((first_bytes[pair / 8] & (1U << (pair % 8))) == 0) continue;
    for (uint32_t link = words(heads_)[bucket_of(data + at)]; link != 0; link = words(next_)[link - 1]) {
      if (std::memcmp(probe(link - 1), data + at, kProbeBytes) == 0) on_hit(link - 1, at);
    }
  }
}

}  // namespace sealedge
