// Scratch memory of exactly as many bytes as a kernel asks for, which tells whether it wrote past them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>

namespace sealedge::testing {

class GuardedScratch {
 public:
  explicit GuardedScratch(size_t size_bytes)
      : size_bytes_(size_bytes),
        all_bytes_((size_bytes + kGuardBytes + 63) / 64 * 64),
        memory_(static_cast<uint8_t*>(std::aligned_alloc(64, all_bytes_)), &std::free) {
    std::fill_n(data(), all_bytes_, kFill);
  }
  uint8_t* data() const { return memory_.get(); }
  bool intact() const {
    return std::all_of(data() + size_bytes_, data() + all_bytes_, [](uint8_t byte) { return byte == kFill; });
  }

 private:
  static constexpr size_t kGuardBytes = 64;
  static constexpr uint8_t kFill = 0xee;
  size_t size_bytes_, all_bytes_;
  std::unique_ptr<uint8_t, decltype(&std::free)> memory_;
};

}  // namespace sealedge::testing
