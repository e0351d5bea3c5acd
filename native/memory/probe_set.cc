#include "memory/probe_set.h"

#include <bitset>
#include <cstring>

namespace sealedge {
namespace {

constexpr size_t kPairs = 65536;
constexpr unsigned kBucketBits = 12;
constexpr size_t kMinDistinctBytes = 6;
constexpr size_t kAnchorBytes = 4;

size_t pair_of(const uint8_t* bytes) { return bytes[0] | (size_t{bytes[1]} << 8); }

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

// 0 and 255 fill memory and count for nothing.
size_t count_rare(const uint8_t* bytes, size_t size_bytes) {
  std::bitset<256> seen;
  for (size_t i = 0; i < size_bytes; ++i) seen.set(bytes[i]);
  return seen.reset(0).reset(255).count();
}

// Of the four that differ most the first. A quantised weight may begin with zeros: looked for by these, it would be
// compared with every byte of every empty page.
size_t rarest_four(const uint8_t* probe) {
  size_t best = 0, most = 0;
  for (size_t at = 0; at + kAnchorBytes <= ProbeSet::kProbeBytes; ++at) {
    // The table of pairs looks at the first two.
    const size_t weight = 4 * count_rare(probe + at, 2) + count_rare(probe + at, kAnchorBytes);
    if (weight <= most) continue;
    most = weight;
    best = at;
  }
  return best;
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
  SEALEDGE_ASSIGN(set.anchors_, SecureBuffer::allocate(capacity, "residency probes"));
  SEALEDGE_ASSIGN(set.pairs_, SecureBuffer::allocate(kPairs / 8, "residency probes"));
  SEALEDGE_ASSIGN(set.heads_, SecureBuffer::allocate((sizeof(uint32_t) << kBucketBits), "residency probes"));
  SEALEDGE_ASSIGN(set.next_, SecureBuffer::allocate(capacity * sizeof(uint32_t), "residency probes"));
  return set;
}

bool ProbeSet::add(const uint8_t* bytes) {
  if (size_ == capacity_ || !is_distinctive(bytes)) return false;
  std::memcpy(probes_.data() + size_ * kProbeBytes, bytes, kProbeBytes);
  const size_t anchor = rarest_four(bytes);
  anchors_.data()[size_] = static_cast<uint8_t>(anchor);
  const size_t pair = pair_of(bytes + anchor);
  pairs_.data()[pair / 8] |= static_cast<uint8_t>(1U << (pair % 8));
  uint32_t& head = words(heads_)[bucket_of(bytes + anchor)];
  words(next_)[size_] = head;
  head = static_cast<uint32_t>(++size_);
  return true;
}

size_t ProbeSet::search(const uint8_t* data, size_t size_bytes, FunctionRef<void(size_t, size_t)> on_hit) const {
  size_t compared = 0;
  const uint8_t* pairs = pairs_.data();
  for (size_t at = 0; at + kAnchorBytes <= size_bytes; ++at) {
    const size_t pair = pair_of(data + at);
    if ((pairs[pair / 8] & (1U << (pair % 8))) == 0) continue;
    for (uint32_t link = words(heads_)[bucket_of(data + at)]; link != 0; link = words(next_)[link - 1]) {
      const size_t before = anchor(link - 1);
      if (at < before || size_bytes - (at - before) < kProbeBytes) continue;
      ++compared;
      if (std::memcmp(probe(link - 1), data + at - before, kProbeBytes) == 0) on_hit(link - 1, at - before);
    }
  }
  return compared;
}

}  // namespace sealedge
