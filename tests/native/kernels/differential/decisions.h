// Turns a string of bytes into shapes, parameters and values: the same bytes, the same case. The fuzzer mutates the
// bytes; the agreement test draws them at random. Bytes decide sizes and kinds; the elements of tensors come from a
// generator that four of the bytes seed, so that short inputs make whole tensors.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>

namespace sealedge::differential {

// `size` elements in memory of exactly that size, `skew` elements past an aligned address: a sanitizer sees each access
// beyond the last one.
template <typename T>
class Buffer {
 public:
  explicit Buffer(size_t size, size_t skew = 0) : size_(size), skew_(skew), memory_(new T[size + skew]()) {}
  T* data() { return memory_.get() + skew_; }
  const T* data() const { return memory_.get() + skew_; }
  size_t size() const { return size_; }
  T& operator[](size_t i) { return data()[i]; }
  const T& operator[](size_t i) const { return data()[i]; }

 private:
  size_t size_, skew_;
  std::unique_ptr<T[]> memory_;
};

// What the elements of a tensor are like.
enum class Values : uint8_t {
  kSmall,    // [-1, 1)
  kWide,     // finite, of any sign and of exponents -40 to 39
  kTiny,     // denormals and their neighbours
  kSpecial,  // small ones, with NaN, infinities, zeros of both signs, denormals and the largest float among them
  kBits,     // any 32 bits
  kCount,
};

class Decisions {
 public:
  Decisions(const uint8_t* data, size_t size) : data_(data), size_(size) {
    for (int i = 0; i < 4; i++) state_ = state_ << 8 | byte();
    state_ = state_ * 0x9e3779b97f4a7c15u + 1;
  }

  // A number below `limit` (> 0), small ones from one byte.
  size_t below(size_t limit) {
    size_t value = byte();
    for (size_t reach = 256; reach < limit; reach <<= 8) value = value << 8 | byte();
    return value % limit;
  }
  bool one_in(size_t count) { return below(count) == 0; }
  float between(float lo, float hi) { return lo + (hi - lo) * static_cast<float>(below(1001)) / 1000.0f; }
  Values values() { return static_cast<Values>(below(static_cast<size_t>(Values::kCount))); }

  template <typename T>
  Buffer<T> room(size_t size) {
    return Buffer<T>(size, below(4));
  }
  Buffer<float> tensor(size_t size) { return tensor(size, values()); }
  Buffer<float> tensor(size_t size, Values kind) {
    auto out = room<float>(size);
    for (size_t i = 0; i < size; i++) out[i] = element(kind);
    return out;
  }
  // Any bits, for kernels on integers and for those that only move.
  template <typename T>
  Buffer<T> bits(size_t size) {
    auto out = room<T>(size);
    for (size_t i = 0; i < size; i++) out[i] = static_cast<T>(next());
    return out;
  }

 private:
  uint64_t byte() { return at_ < size_ ? data_[at_++] : next() & 0xff; }

  // xorshift64*
  uint64_t next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return (state_ * 0x2545f4914f6cdd1du) >> 24;
  }

  float element(Values kind) {
    const auto random = static_cast<uint32_t>(next());
    const float small = std::ldexp(static_cast<float>(static_cast<int32_t>(random)), -31);
    switch (kind) {
      case Values::kWide:
        return std::ldexp(small, static_cast<int>(next() % 80) - 40);
      case Values::kTiny:
        return std::bit_cast<float>(random & 0x81ffffffu);
      case Values::kSpecial:
        return next() % 8 == 0 ? special(next()) : small;
      case Values::kBits:
        return std::bit_cast<float>(random);
      default:
        return small;
    }
  }
  static float special(uint64_t choice) {
    using Limits = std::numeric_limits<float>;
    constexpr float kSpecials[] = {Limits::quiet_NaN(), Limits::infinity(),   -Limits::infinity(), 0.0f, -0.0f,
                                   Limits::max(),       Limits::denorm_min(), -Limits::min()};
    return kSpecials[choice % std::size(kSpecials)];
  }

  const uint8_t* data_;
  size_t size_;
  size_t at_ = 0;
  uint64_t state_ = 0;
};

}  // namespace sealedge::differential
