// Byte strings that must not be found, held where they belong: in secret memory. Finds all of them in one pass.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/function_ref.h"
#include "core/result.h"
#include "memory/secure_buffer.h"

namespace sealedge {

class ProbeSet {
 public:
  // Long enough that chance explains no hit, short enough that a vector register spilled in pieces is one.
  static constexpr size_t kProbeBytes = 16;

  static Result<ProbeSet> create(size_t capacity);

  // Copies kProbeBytes. False, and nothing is added, when the set is full or when the bytes are of the kind that other
  // data has too: fewer than six different values (zeros, small integers, the same number again and again).
  bool add(const uint8_t* bytes);
  size_t size() const { return size_; }

  // on_hit(index of the probe, offset) for every probe that lies within data[0, size_bytes). How many probes were
  // compared on the way: of data that has nothing to do with them next to none, even if it is all zeros.
  size_t search(const uint8_t* data, size_t size_bytes, FunctionRef<void(size_t index, size_t offset)> on_hit) const;

 private:
  ProbeSet() = default;
  const uint8_t* probe(size_t index) const { return probes_.data() + index * kProbeBytes; }
  size_t anchor(size_t index) const { return anchors_.data()[index]; }

  size_t capacity_ = 0;
  size_t size_ = 0;
  SecureBuffer probes_;
  SecureBuffer anchors_;  // where in each probe its rarest four bytes begin: it is looked for by these
  SecureBuffer pairs_;    // one bit for each value of the first two of them: rejects almost every offset
  SecureBuffer heads_;    // uint32_t: by a hash of the four, 1 + the newest probe; 0: none
  SecureBuffer next_;     // uint32_t per probe, likewise
};

}  // namespace sealedge
