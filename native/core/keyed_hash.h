// A hash for tables whose keys come from a file or the network. std::hash is the same function everywhere, so whoever
// writes the file can choose a hundred thousand names that all fall into one bucket; this one is keyed at random, once
// per process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace sealedge {

// SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF"; the variant with one and three rounds, as used
// by the hash tables of Rust and Ruby).
uint64_t siphash13(uint64_t key0, uint64_t key1, std::span<const uint8_t> bytes);

struct KeyedHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const;
};

// Keys are views: what they point to outlives the table.
template <typename T>
using NameMap = std::unordered_map<std::string_view, T, KeyedHash, std::equal_to<>>;
using NameSet = std::unordered_set<std::string_view, KeyedHash, std::equal_to<>>;

}  // namespace sealedge
