// The vector files of tests/vectors (SPEC.md "Vectors").
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sealedge::testing {

struct SealedVector {
  std::string name;
  std::string comment;
  std::string expect;  // "success" or an error code, for a reader with the key
  std::vector<uint8_t> key_payload;
  std::vector<uint8_t> layouts;
  std::vector<std::string> plaintext;  // hex SHA-256 per segment; only with success
  std::vector<uint8_t> bytes;
};

// All of them, sorted by name.
std::vector<SealedVector> read_vectors();
SealedVector read_vector(const std::string& name);

}  // namespace sealedge::testing
