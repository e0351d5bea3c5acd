#include "core/keyed_hash.h"

#include <sys/random.h>
#include <time.h>

#include <bit>
#include <cstring>

namespace sealedge {

namespace {

struct State {
  uint64_t v0, v1, v2, v3;

  void round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void absorb(uint64_t word) {
    v3 ^= word;
    round();
    v0 ^= word;
  }
};

struct Key {
  uint64_t words[2];
};

Key random_key() {
  Key key{};
  // Without randomness (a kernel older than 3.17) tables are still correct, only guessable: the clock is better than
  // nothing.
  if (::getrandom(&key, sizeof key, 0) != static_cast<ssize_t>(sizeof key)) {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    key = {{static_cast<uint64_t>(now.tv_nsec), reinterpret_cast<uintptr_t>(&now)}};
  }
  return key;
}

}  // namespace

uint64_t siphash13(uint64_t key0, uint64_t key1, std::span<const uint8_t> bytes) {
  State state{key0 ^ 0x736f6d6570736575, key1 ^ 0x646f72616e646f6d, key0 ^ 0x6c7967656e657261,
              key1 ^ 0x7465646279746573};
  const size_t whole = bytes.size() & ~size_t{7};
  for (size_t at = 0; at < whole; at += 8) {
    uint64_t word;  // little-endian, as every machine this engine runs on
    std::memcpy(&word, bytes.data() + at, sizeof word);
    state.absorb(word);
  }
  uint64_t last = uint64_t{bytes.size()} << 56;
  for (size_t i = whole; i < bytes.size(); ++i) last |= uint64_t{bytes[i]} << (8 * (i - whole));
  state.absorb(last);
  state.v2 ^= 0xff;
  for (int i = 0; i < 3; ++i) state.round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

size_t KeyedHash::operator()(std::string_view text) const {
  static const Key key = random_key();
  return static_cast<size_t>(
      siphash13(key.words[0], key.words[1], {reinterpret_cast<const uint8_t*>(text.data()), text.size()}));
}

}  // namespace sealedge
