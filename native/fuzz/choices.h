// What a mutator draws: all of it from one seed, so that a mutation can be repeated.
#pragma once

#include <cstdint>
#include <cstring>
#include <iterator>
#include <random>

#include "fuzz/model_vocabulary.h"

namespace sealedge::fuzz {

class Choices {
 public:
  explicit Choices(unsigned seed) : random_(seed) {}

  int below(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }
  bool one_in(int n) { return below(n) == 0; }
  // List: not empty.
  template <typename List>
  auto& pick(List& list) {
    return *(std::begin(list) + below(static_cast<int>(std::size(list))));
  }

  int64_t number(int64_t old) {
    switch (below(4)) {
      case 0:
        return static_cast<int64_t>(static_cast<uint64_t>(old) + 1);
      case 1:
        return static_cast<int64_t>(static_cast<uint64_t>(old) - 1);
      case 2:
        return below(6) - 1;
      default:
        return pick(kNumbers);
    }
  }

  // The bits of a float32.
  uint64_t float_bits() {
    const float value = one_in(4) ? static_cast<float>(below(2000) - 1000) / 8 : pick(kFloats);
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    if (one_in(12)) bits = 0x7fc00000;  // NaN
    if (one_in(12)) bits = 0xff800000;  // -infinity
    return bits;
  }

 private:
  std::minstd_rand random_;
};

}  // namespace sealedge::fuzz
