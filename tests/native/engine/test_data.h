// The reference models (SEALEDGE_TEST_DATA/models/*/meta.json) and how to run a session on their cases.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "engine/session.h"
#include "test_json.h"

namespace sealedge::testing {

inline std::filesystem::path test_data() {
  const char* folder = std::getenv("SEALEDGE_TEST_DATA");
  if (folder) return folder;
  return std::filesystem::path(__FILE__).parent_path() / "../../../../shared";  // beside the repository
}

inline std::vector<uint8_t> read_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline Json read_json(const std::filesystem::path& path) {
  const std::vector<uint8_t> bytes = read_bytes(path);
  return JsonReader({bytes.begin(), bytes.end()}).read();
}

inline DataType data_type_of(const std::string& name) {
  for (int code = 1; code <= 16; ++code) {
    if (name == data_type_name(static_cast<DataType>(code))) return static_cast<DataType>(code);
  }
  return DataType::kUndefined;
}

// A tensor of a case: "dtype", "shape", "file".
struct CaseTensor {
  std::string name;
  DataType type;
  std::vector<int64_t> dims;
  std::vector<uint8_t> bytes;

  CaseTensor(const std::filesystem::path& folder, const Json& json)
      : name(json["name"].text), type(data_type_of(json["dtype"].text)), bytes(read_bytes(folder / json["file"].text)) {
    for (const Json& dim : json["shape"].items) dims.push_back(static_cast<int64_t>(dim.number));
  }
  RunInput input() const { return {name, type, dims, bytes}; }
};

}  // namespace sealedge::testing
