// AES-256-GCM, one message per key, nonce zero (SPEC.md "Segments"). Streaming in both directions.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "core/result.h"

namespace sealedge {

inline constexpr size_t kAeadKeyBytes = 32;
inline constexpr size_t kAeadTagBytes = 16;

// Encrypts: create(key, aad), update(in -> out, same size, may alias) any number of times, finish(tag).
class GcmSealer {
 public:
  static Result<GcmSealer> create(std::span<const uint8_t, kAeadKeyBytes> key, std::span<const uint8_t> aad);
  GcmSealer(GcmSealer&&) noexcept;
  GcmSealer& operator=(GcmSealer&&) noexcept;
  ~GcmSealer();
  Result<void> update(std::span<const uint8_t> in, std::span<uint8_t> out);
  Result<void> finish(std::span<uint8_t, kAeadTagBytes> tag);

 private:
  struct Impl;
  explicit GcmSealer(Impl* impl);
  Impl* impl_ = nullptr;
};

// Decrypts. What update() writes is NOT verified until finish() succeeds: out must be secret memory, and the caller
// wipes it when finish() fails with kSegmentAuth.
class GcmOpener {
 public:
  static Result<GcmOpener> create(std::span<const uint8_t, kAeadKeyBytes> key, std::span<const uint8_t> aad);
  GcmOpener(GcmOpener&&) noexcept;
  GcmOpener& operator=(GcmOpener&&) noexcept;
  ~GcmOpener();
  Result<void> update(std::span<const uint8_t> in, std::span<uint8_t> out);
  Result<void> finish(std::span<const uint8_t, kAeadTagBytes> expected_tag);

 private:
  struct Impl;
  explicit GcmOpener(Impl* impl);
  Impl* impl_ = nullptr;
};

}  // namespace sealedge
