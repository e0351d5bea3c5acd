// What the kernel tests share: memory that faults when overrun, weight sources that catch a kept pointer, seeded
// values, contexts.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "kernels/dispatch.h"
#include "kernels/epilogue.h"
#include "kernels/kernel_context.h"
#include "kernels/weight_source.h"

namespace sealedge::testing {

inline constexpr size_t kPage = 4096;

// Values that end exactly where an unreadable page begins: reading or writing past them is a segmentation fault. Their
// start has whatever alignment that gives, so kernels are tried on misaligned memory all the time.
template <typename T>
class Guarded {
 public:
  explicit Guarded(size_t size, T value = T{}) : size_(size) {
    bytes_ = (size * sizeof(T) + kPage - 1) / kPage * kPage + kPage;
    map_ = static_cast<uint8_t*>(mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(map_ + bytes_ - kPage, kPage, PROT_NONE);
    data_ = reinterpret_cast<T*>(map_ + bytes_ - kPage - size * sizeof(T));
    for (size_t i = 0; i < size; i++) data_[i] = value;
  }
  explicit Guarded(const std::vector<T>& values) : Guarded(values.size()) {
    if (!values.empty()) std::memcpy(data_, values.data(), values.size() * sizeof(T));
  }
  ~Guarded() { munmap(map_, bytes_); }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;
  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return size_; }
  T& operator[](size_t i) { return data_[i]; }
  std::vector<T> copy() const { return std::vector<T>(data_, data_ + size_); }

 private:
  size_t size_;
  size_t bytes_;
  uint8_t* map_;
  T* data_;
};

// Yields one piece at a time per slot, in one of two scratch mappings in turn. The other is unreadable, and both are
// after release: a kernel that keeps a pointer faults, one that reads past its piece faults too, as the piece ends at a
// guard page.
class OnePieceWeightSource final : public WeightSource {
 public:
  OnePieceWeightSource(const void* data, size_t size_bytes, unsigned slots = 1)
      : bytes_(static_cast<const uint8_t*>(data), static_cast<const uint8_t*>(data) + size_bytes), slots_(slots) {
    for (Slot& slot : slots_) {
      for (uint8_t*& map : slot.map) {
        map =
            static_cast<uint8_t*>(mmap(nullptr, kMaxPanelBytes + kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
      }
    }
  }
  ~OnePieceWeightSource() override {
    for (const Slot& slot : slots_) {
      for (uint8_t* map : slot.map) munmap(map, kMaxPanelBytes + kPage);
    }
  }
  const uint8_t* panel(size_t offset_bytes, size_t size_bytes, unsigned thread_slot) const override {
    EXPECT_LT(thread_slot, slots_.size());
    EXPECT_LE(size_bytes, kMaxPanelBytes);
    EXPECT_GT(size_bytes, 0u);
    EXPECT_EQ(offset_bytes % 64, 0u);
    EXPECT_LE(offset_bytes + size_bytes, bytes_.size());
    Slot& slot = slots_[thread_slot];
    close(slot);
    slot.current ^= 1;
    uint8_t* map = slot.map[slot.current];
    mprotect(map, kMaxPanelBytes, PROT_READ | PROT_WRITE);
    std::memset(map, 0xff, kMaxPanelBytes);  // NaN, if read in front of the piece
    uint8_t* piece = map + kMaxPanelBytes - size_bytes;
    std::memcpy(piece, bytes_.data() + offset_bytes, size_bytes);
    slot.open = true;
    slot.fetched++;
    return piece;
  }
  void release(unsigned thread_slot) const override { close(slots_[thread_slot]); }
  size_t size_bytes() const override { return bytes_.size(); }
  // Pieces that were asked for, and those never released.
  size_t fetched() const {
    size_t count = 0;
    for (const Slot& slot : slots_) count += slot.fetched;
    return count;
  }
  bool all_released() const {
    for (const Slot& slot : slots_) {
      if (slot.open) return false;
    }
    return true;
  }

 private:
  struct Slot {
    uint8_t* map[2] = {};
    int current = 0;
    bool open = false;
    size_t fetched = 0;
  };
  static void close(Slot& slot) {
    if (slot.open) mprotect(slot.map[slot.current], kMaxPanelBytes, PROT_NONE);
    slot.open = false;
  }
  std::vector<uint8_t> bytes_;
  mutable std::vector<Slot> slots_;
};

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  float uniform(float lo = -1.0f, float hi = 1.0f) { return std::uniform_real_distribution<float>(lo, hi)(engine_); }
  size_t below(size_t limit) { return engine_() % limit; }
  std::vector<float> values(size_t size, float lo = -1.0f, float hi = 1.0f) {
    std::vector<float> out(size);
    for (float& v : out) v = uniform(lo, hi);
    return out;
  }

 private:
  std::mt19937 engine_;
};

// A ParallelFor over `count` threads started for each loop: slow and real. Any work is worth sharing here.
inline ParallelFor threads(unsigned count) {
  static const unsigned kCounts[] = {0, 1, 2, 3, 4};
  return {.threads = count,
          .run =
              [](void* pool, unsigned, size_t tasks, ParallelFor::Task task, void* argument) {
                const unsigned size = *static_cast<const unsigned*>(pool);
                std::vector<std::thread> workers;
                for (unsigned slot = 0; slot < size; slot++) {
                  workers.emplace_back([=] {
                    for (size_t i = slot; i < tasks; i += size) task(argument, i, slot);
                  });
                }
                for (std::thread& worker : workers) worker.join();
              },
          .pool = const_cast<unsigned*>(&kCounts[count]),
          .minimum_part_work = 1};
}

// Scratch of exactly the size asked for, 64-byte aligned at its start, guarded at its end.
class Scratch {
 public:
  explicit Scratch(size_t size_bytes) : guarded_((size_bytes + 63) / 64 * 64, 0xff) {}
  uint8_t* data() { return guarded_.data(); }

 private:
  Guarded<uint8_t> guarded_;
};

// One run of a test per implementation.
inline std::vector<const KernelTable*> tables() {
  const KernelTables all = available_kernels();
  return {all.data, all.data + all.size};
}

inline float clamp_plain(float v, float lo, float hi) { return v < lo ? lo : v > hi ? hi : v; }

// The epilogue in double, for references.
inline float epilogue_plain(const F32Epilogue& e, double v, size_t row, size_t column) {
  if (e.scale) v *= e.scale[column];
  if (e.shift) v += e.shift[column];
  if (e.residual) v += e.residual[row * e.residual_stride + column];
  if (e.activation == F32Activation::kClamp) return clamp_plain(static_cast<float>(v), e.lo, e.hi);
  if (e.activation == F32Activation::kLeakyRelu && v < 0) v *= e.slope;
  return static_cast<float>(v);
}

// |got - want| <= absolute + relative * |want|; NaN only where NaN is wanted.
inline void expect_close(const float* got, const std::vector<float>& want, float absolute, float relative,
                         const std::string& what) {
  size_t wrong = 0;
  for (size_t i = 0; i < want.size() && wrong < 5; i++) {
    const bool same = (std::isnan(got[i]) && std::isnan(want[i])) || got[i] == want[i] ||
                      std::fabs(got[i] - want[i]) <= absolute + relative * std::fabs(want[i]);
    if (!same) {
      ADD_FAILURE() << what << ": element " << i << " of " << want.size() << ": expected " << want[i] << ", got "
                    << got[i];
      wrong++;
    }
  }
}

}  // namespace sealedge::testing
