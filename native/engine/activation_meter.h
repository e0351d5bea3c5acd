// How much memory the activations of a session take: arenas of runs under way and of frames kept for the next, and what
// loops stack up.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace sealedge {

class ActivationMeter {
 public:
  size_t peak_bytes() const { return peak_.load(std::memory_order_relaxed); }

 private:
  friend class MeteredBytes;
  void add(size_t bytes) {
    const size_t now = now_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    size_t peak = peak_.load(std::memory_order_relaxed);
    while (peak < now && !peak_.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
    }
  }
  void remove(size_t bytes) { now_.fetch_sub(bytes, std::memory_order_relaxed); }

  std::atomic<size_t> now_ = 0;
  std::atomic<size_t> peak_ = 0;
};

// A part of it, as long as this object lives.
class MeteredBytes {
 public:
  MeteredBytes() = default;
  MeteredBytes(std::shared_ptr<ActivationMeter> meter, size_t bytes) : meter_(std::move(meter)), bytes_(bytes) {
    if (meter_) meter_->add(bytes_);
  }
  ~MeteredBytes() {
    if (meter_) meter_->remove(bytes_);
  }
  MeteredBytes(MeteredBytes&& other) noexcept : meter_(std::move(other.meter_)), bytes_(other.bytes_) {}
  MeteredBytes& operator=(MeteredBytes&& other) noexcept {
    std::swap(meter_, other.meter_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  MeteredBytes(const MeteredBytes&) = delete;
  MeteredBytes& operator=(const MeteredBytes&) = delete;

 private:
  std::shared_ptr<ActivationMeter> meter_;
  size_t bytes_ = 0;
};

}  // namespace sealedge
