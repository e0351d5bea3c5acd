// Opens a sealed file for use: header, envelope, signature, trust, then segments on demand (SPEC.md "Reading").
//
//   auto model = SealedModel::open_file(path, key_payload);      // key_payload: 104 bytes in secret memory
//   auto graph = model->load_graph();                            // ONNX ModelProto, in secret memory
//   auto weights = model->load_segment(3, WeightLayout::kPanel16);
//
// The file is opened once without following links, read once into private anonymous memory, never mapped and never
// reopened: what was verified is what is used. Nothing decrypted is returned before its tag has verified.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "container/manifest.h"
#include "core/result.h"
#include "core/weight_layout.h"
#include "memory/secure_buffer.h"

namespace sealedge {

// content key 32 ‖ SHA-256(publisher SPKI) 32 ‖ SHA-256(model name) 32 ‖ minimum version u64 BE (SPEC.md "Key
// payload").
inline constexpr size_t kKeyPayloadBytes = 104;

class SealedModel {
 public:
  // The payload is copied into secret memory; the caller's copy may go at once.
  static Result<SealedModel> open_file(const std::string& path, std::span<const uint8_t> key_payload);
  // `file` is copied before the first byte is looked at.
  static Result<SealedModel> open_bytes(std::span<const uint8_t> file, std::span<const uint8_t> key_payload);

  SealedModel(SealedModel&&) noexcept;
  SealedModel& operator=(SealedModel&&) noexcept;
  ~SealedModel();

  const Manifest& manifest() const;
  size_t segment_count() const { return manifest().segments.size(); }

  // The decrypted ModelProto of segment 0.
  Result<SecureBuffer> load_graph() const;
  Result<void> load_graph_into(std::span<uint8_t> out) const;
  // A weight segment, 1 <= index < segment_count(). `layout` comes from the graph's placement and is authenticated: a
  // wrong one fails like an altered byte, with kSegmentAuth. Safe to call from several threads.
  Result<SecureBuffer> load_segment(size_t index, WeightLayout layout) const;
  // The same into memory of the caller, exactly the segment's size; wiped on failure. On a device `out` must be secret
  // memory.
  Result<void> load_segment_into(size_t index, WeightLayout layout, std::span<uint8_t> out) const;
  // Drops the private copy of the ciphertext and the content key, once everything needed is loaded. Later loads fail
  // with kModelClosed. The manifest stays.
  void close();

 private:
  struct Impl;
  explicit SealedModel(std::unique_ptr<Impl> impl);
  Result<void> load(size_t index, uint8_t layout_byte, std::span<uint8_t> out) const;
  friend class SealedModelFeeder;
  std::unique_ptr<Impl> impl_;
};

// The same, from pieces of any size, as they come from a stream. Each stage is checked as soon as its bytes are there,
// so an untrusted file is refused after its envelope.
class SealedModelFeeder {
 public:
  static Result<SealedModelFeeder> create(std::span<const uint8_t> key_payload);
  SealedModelFeeder(SealedModelFeeder&&) noexcept;
  SealedModelFeeder& operator=(SealedModelFeeder&&) noexcept;
  ~SealedModelFeeder();

  Result<void> feed(std::span<const uint8_t> piece);
  // Fails with kTruncated when bytes are missing. The feeder is empty afterwards.
  Result<SealedModel> finish();

 private:
  explicit SealedModelFeeder(std::unique_ptr<SealedModel::Impl> impl);
  std::unique_ptr<SealedModel::Impl> impl_;
};

}  // namespace sealedge
