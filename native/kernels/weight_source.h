// Kernels take weights from a source that yields panels, never from a pointer to a whole tensor (design decision 5):
// resident today, decrypted into a small scratch just before use later (in-cache), one panel at a time in the tests.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sealedge {

// A source yields contiguous pieces of one weight in its segment layout. A piece is valid until the next call of
// panel() with the same thread slot, or release(): a kernel never keeps two. size_bytes <= kMaxPanelBytes, offset_bytes
// % 64 == 0.
inline constexpr size_t kMaxPanelBytes = 64 * 1024;

class WeightSource {
 public:
  virtual ~WeightSource() = default;
  virtual const uint8_t* panel(size_t offset_bytes, size_t size_bytes, unsigned thread_slot) const = 0;
  // The kernel is done with the last piece it asked for.
  virtual void release(unsigned thread_slot) const = 0;
  virtual size_t size_bytes() const = 0;
};

class ResidentWeightSource final : public WeightSource {
 public:
  ResidentWeightSource(const uint8_t* data, size_t size_bytes) : data_(data), size_bytes_(size_bytes) {}
  const uint8_t* panel(size_t offset_bytes, size_t, unsigned) const override { return data_ + offset_bytes; }
  void release(unsigned) const override {}
  size_t size_bytes() const override { return size_bytes_; }

 private:
  const uint8_t* data_;
  size_t size_bytes_;
};

}  // namespace sealedge
