#include "onnx/folder_external_data.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace sealedge {
namespace {

class FolderExternalDataTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "sealedge-external-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    std::filesystem::create_directories(folder_ / "model" / "data");
    write("model/weights.bin", "0123456789abcdef");
    write("model/data/more.bin", "ABCD");
    write("outside.bin", "secret");
    std::filesystem::create_symlink("../outside.bin", folder_ / "model" / "link.bin");
    std::filesystem::create_directory_symlink("..", folder_ / "model" / "up");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) { std::ofstream(folder_ / name) << text; }

  Result<std::string> read(const std::string& location, size_t size, const std::string& offset = "",
                           const std::string& length = "") {
    TensorProto tensor;
    tensor.external = true;
    tensor.external_data.emplace_back("location", location);
    if (!offset.empty()) tensor.external_data.emplace_back("offset", offset);
    if (!length.empty()) tensor.external_data.emplace_back("length", length);
    FolderExternalData external((folder_ / "model").string());
    ConstantStore store(ConstantStore::Kind::kOrdinary);
    SEALEDGE_ASSIGN(const uint8_t* data, external.row_major(tensor, size, &store));
    return std::string(reinterpret_cast<const char*>(data), size);
  }

  std::filesystem::path folder_;
};

TEST_F(FolderExternalDataTest, ReadsRangesOfFilesBesideTheModel) {
  EXPECT_EQ(*read("weights.bin", 16), "0123456789abcdef");
  EXPECT_EQ(*read("./weights.bin", 4, "10", "4"), "abcd");
  EXPECT_EQ(*read("data/more.bin", 4), "ABCD");
  EXPECT_EQ(*read("weights.bin", 0, "16"), "");
}

TEST_F(FolderExternalDataTest, NeverLeavesTheFolder) {
  for (const char* location : {"../outside.bin", "data/../../outside.bin", "link.bin", "up/outside.bin", "", ".",
                               "data", "data//more.bin", "weights.bin/", "missing.bin"}) {
    const auto data = read(location, 4);
    ASSERT_FALSE(data.ok()) << location;
    EXPECT_EQ(data.error().code, ErrorCode::kFileUnreadable) << location;
  }
  EXPECT_FALSE(read((folder_ / "outside.bin").string(), 4).ok());
  EXPECT_FALSE(read(std::string("weights.bin\0x", 13), 4).ok());
}

TEST_F(FolderExternalDataTest, RefusesRangesThatAreNotThere) {
  EXPECT_EQ(read("weights.bin", 17).error().code, ErrorCode::kModelInvalid);
  EXPECT_EQ(read("weights.bin", 4, "13").error().code, ErrorCode::kModelInvalid);
  EXPECT_EQ(read("weights.bin", 4, "18446744073709551615").error().code, ErrorCode::kModelInvalid);
  EXPECT_EQ(read("weights.bin", 4, "99999999999999999999").error().code, ErrorCode::kModelInvalid);
  EXPECT_EQ(read("weights.bin", 4, "-1").error().code, ErrorCode::kModelInvalid);
  EXPECT_EQ(read("weights.bin", 4, "0", "5").error().code, ErrorCode::kModelInvalid);
}

}  // namespace
}  // namespace sealedge
