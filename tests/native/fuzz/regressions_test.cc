// Every input that once made a fuzz target crash, and the seeds, through the same entry points, in the ordinary build.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#define X(name) extern "C" int name(const uint8_t* data, size_t size);
SEALEDGE_FUZZ_TARGETS
#undef X

namespace sealedge {
namespace {

struct Target {
  const char* name;
  int (*run)(const uint8_t*, size_t);
};

constexpr Target kTargets[] = {
#define X(name) {#name, name},
    SEALEDGE_FUZZ_TARGETS
#undef X
};

std::vector<std::filesystem::path> files_below(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  if (!std::filesystem::exists(folder)) return files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

class FuzzRegressionTest : public ::testing::TestWithParam<Target> {};

TEST_P(FuzzRegressionTest, StaysFixed) {
  for (const char* kind : {"regressions", "corpus"}) {
    for (const auto& path : files_below(std::filesystem::path(SEALEDGE_FUZZ_CASES) / kind / GetParam().name)) {
      SCOPED_TRACE(path.filename().string());
      std::ifstream file(path, std::ios::binary);
      const std::vector<uint8_t> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
      EXPECT_LE(GetParam().run(bytes.data(), bytes.size()), 0);  // -1: nothing to derive others from
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, FuzzRegressionTest, ::testing::ValuesIn(kTargets),
                         [](const auto& info) { return std::string(info.param.name); });

// Of a folder with a misspelt name nothing would ever run.
TEST(FuzzRegressionTest, EveryFolderBelongsToATarget) {
  for (const auto& folder : files_below(std::filesystem::path(SEALEDGE_FUZZ_CASES) / "regressions")) {
    const std::string name = folder.filename().string();
    EXPECT_TRUE(std::any_of(std::begin(kTargets), std::end(kTargets), [&](const Target& t) { return t.name == name; }))
        << name;
  }
}

}  // namespace
}  // namespace sealedge
