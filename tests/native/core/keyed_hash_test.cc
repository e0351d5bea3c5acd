#include "core/keyed_hash.h"

#include <gtest/gtest.h>

#include <bit>
#include <string>
#include <vector>

namespace sealedge {
namespace {

// A second implementation, from the paper's description: words absorbed one round each, three at the end.
uint64_t siphash_by_the_paper(uint64_t k0, uint64_t k1, std::vector<uint8_t> message) {
  const size_t length = message.size();
  while (message.size() % 8 != 7) message.push_back(0);
  message.push_back(static_cast<uint8_t>(length));
  uint64_t v[4] = {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573};
  const auto half = [&](int a, int b, int c, int d, int s, int t) {
    v[a] += v[b];
    v[c] += v[d];
    v[b] = std::rotl(v[b], s);
    v[d] = std::rotl(v[d], t);
    v[b] ^= v[a];
    v[d] ^= v[c];
    v[a] = std::rotl(v[a], 32);
  };
  const auto round = [&] {
    half(0, 1, 2, 3, 13, 16);
    half(2, 1, 0, 3, 17, 21);
  };
  for (size_t at = 0; at < message.size(); at += 8) {
    uint64_t word = 0;
    for (size_t i = 0; i < 8; ++i) word |= uint64_t{message[at + i]} << (8 * i);
    v[3] ^= word;
    round();
    v[0] ^= word;
  }
  v[2] ^= 0xff;
  for (int i = 0; i < 3; ++i) round();
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

TEST(KeyedHashTest, IsSipHash) {
  std::vector<uint8_t> message;
  for (uint8_t length = 0; length < 64; ++length) {
    EXPECT_EQ(siphash13(0x0706050403020100, 0x0f0e0d0c0b0a0908, message),
              siphash_by_the_paper(0x0706050403020100, 0x0f0e0d0c0b0a0908, message))
        << int{length};
    message.push_back(length);
  }
}

TEST(KeyedHashTest, DependsOnTheKeyAndOnEveryByte) {
  const std::vector<uint8_t> message = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  const uint64_t hash = siphash13(1, 2, message);
  EXPECT_NE(hash, siphash13(1, 3, message));
  EXPECT_NE(hash, siphash13(2, 2, message));
  for (size_t i = 0; i < message.size(); ++i) {
    auto other = message;
    other[i] ^= 0x80;
    EXPECT_NE(hash, siphash13(1, 2, other)) << i;
  }
}

TEST(KeyedHashTest, NamesAreFoundAgain) {
  std::vector<std::string> names;
  for (int i = 0; i < 1000; ++i) names.push_back("name/" + std::to_string(i));
  NameMap<int> map;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(map.emplace(names[static_cast<size_t>(i)], i).second);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(map.at("name/" + std::to_string(i)), i);
  EXPECT_FALSE(map.contains("name"));
}

}  // namespace
}  // namespace sealedge
