#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

#include "container/text_encoding.h"
#include "sealed_vector.h"

namespace sealedge::testing {
namespace {

namespace fs = std::filesystem;

const fs::path kDirectory = fs::path(__FILE__).parent_path() / "../../vectors";
constexpr char kSuffix[] = ".sealed-vector";

std::vector<std::string> words(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

SealedVector read_file(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  const size_t end = text.find("\n\n");
  std::map<std::string, std::string> header;
  std::istringstream lines(text.substr(0, end));
  for (std::string line; std::getline(lines, line);) {
    const size_t colon = line.find(": ");
    header[line.substr(0, colon)] = line.substr(colon + 2);
  }
  SealedVector vector;
  vector.name = path.stem();
  vector.comment = header["comment"];
  vector.expect = header["expect"];
  vector.key_payload.resize(header["key-payload"].size() / 2);
  EXPECT_TRUE(from_hex(header["key-payload"], vector.key_payload)) << path;
  for (const std::string& word : words(header["layouts"]))
    vector.layouts.push_back(static_cast<uint8_t>(std::stoi(word)));
  vector.plaintext = words(header["plaintext"]);
  vector.bytes.assign(text.begin() + static_cast<ptrdiff_t>(end) + 2, text.end());
  return vector;
}

}  // namespace

std::vector<SealedVector> read_vectors() {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(kDirectory)) {
    if (entry.path().extension() == kSuffix) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<SealedVector> vectors;
  vectors.reserve(paths.size());
  for (const fs::path& path : paths) vectors.push_back(read_file(path));
  return vectors;
}

SealedVector read_vector(const std::string& name) { return read_file(kDirectory / (name + kSuffix)); }

}  // namespace sealedge::testing
