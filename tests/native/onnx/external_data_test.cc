#include "onnx/folder_external_data.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
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
    write("model/data/twice.bin", "efgh");
    write("outside.bin", "secret");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) { std::ofstream(folder_ / name) << text; }

  Result<std::string> read(const std::string& location, size_t size, const std::string& offset = "",
                           const std::string& length = "") {
    std::vector<std::pair<std::string_view, std::string_view>> entries = {{"location", location}};
    if (!offset.empty()) entries.emplace_back("offset", offset);
    if (!length.empty()) entries.emplace_back("length", length);
    return read_entries(std::move(entries), size);
  }

  Result<std::string> read_entries(std::vector<std::pair<std::string_view, std::string_view>> entries, size_t size) {
    TensorProto tensor;
    tensor.external = true;
    tensor.external_data = std::move(entries);
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

struct Refusal {
  const char* name;
  std::string location;
  ErrorCode code;
  const char* message;
};

// The ways out of a model's folder that are known from the CVEs of onnx's own loaders, one row each.
TEST_F(FolderExternalDataTest, NeverLeavesTheFolder) {
  namespace fs = std::filesystem;
  const fs::path model = folder_ / "model";
  fs::create_symlink("../outside.bin", model / "link.bin");
  fs::create_symlink(folder_ / "outside.bin", model / "absolute_link.bin");
  fs::create_symlink("weights.bin", model / "link_inside.bin");
  fs::create_symlink("nowhere", model / "dangling.bin");
  fs::create_directory_symlink("..", model / "up");
  fs::create_directory_symlink("/", model / "data" / "slash");
  fs::create_hard_link(folder_ / "outside.bin", model / "hard.bin");
  fs::create_hard_link(model / "data" / "twice.bin", model / "data" / "twin.bin");
  ASSERT_EQ(::mkfifo((model / "fifo").c_str(), 0600), 0);
  const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = (model / "sock").string();
  ASSERT_LT(path.size(), sizeof address.sun_path);
  std::memcpy(address.sun_path, path.c_str(), path.size());
  ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);

  constexpr ErrorCode kInvalid = ErrorCode::kModelInvalid;
  constexpr ErrorCode kUnreadable = ErrorCode::kFileUnreadable;
  const char* const below = "expected a path below the model's folder";
  const Refusal refusals[] = {
      {"CVE-2022-25882: leading ..", "../outside.bin", kInvalid, below},
      {"CVE-2024-27318: .. in the middle", "data/../../outside.bin", kInvalid, below},
      {"CVE-2024-27318: .. behind a folder that is not there", "junk/../../outside.bin", kInvalid, below},
      {"CVE-2024-27318: .. that would stay inside", "data/../weights.bin", kInvalid, below},
      {"CVE-2024-27318: .. alone", "..", kInvalid, below},
      {"CVE-2022-25882: backslashes are no separators", "..\\outside.bin", kUnreadable, "No such file"},
      {"absolute", (folder_ / "outside.bin").string(), kInvalid, below},
      {"absolute, though inside", (model / "weights.bin").string(), kInvalid, below},
      {"absolute, two slashes", "//etc/passwd", kInvalid, below},
      {"CVE-2026-34447: link to a file", "link.bin", kUnreadable, "is a symbolic link"},
      {"CVE-2026-34447: link to an absolute path", "absolute_link.bin", kUnreadable, "is a symbolic link"},
      {"CVE-2026-34447: link that stays inside", "link_inside.bin", kUnreadable, "is a symbolic link"},
      {"CVE-2026-34447: link to nothing", "dangling.bin", kUnreadable, "is a symbolic link"},
      {"CVE-2026-27489: link to a folder on the way", "up/outside.bin", kUnreadable, "is behind a symbolic link"},
      {"CVE-2026-27489: deeper, to the root", "data/slash/etc/passwd", kUnreadable, "is behind a symbolic link"},
      {"CVE-2026-34446: hard link to a file outside", "hard.bin", kUnreadable, "one hard link, got 2"},
      {"CVE-2026-34446: both names inside", "data/twin.bin", kUnreadable, "one hard link, got 2"},
      {"FIFO", "fifo", kUnreadable, "is not a regular file"},
      {"socket", "sock", kUnreadable, "is not a regular file"},
      {"folder", "data", kUnreadable, "is not a regular file"},
      {"file as a folder", "weights.bin/x", kUnreadable, "Not a directory"},
      {"no location", "", kInvalid, below},
      {"the folder itself", ".", kInvalid, below},
      {"empty component", "data//more.bin", kInvalid, below},
      {"trailing slash", "weights.bin/", kInvalid, below},
      {"NUL byte", std::string("weights.bin\0x", 13), kInvalid, below},
      {"longer than any path", std::string(5000, 'a'), kInvalid, below},
      {"ten thousand components",
       [] {
         std::string s;
         for (int i = 0; i < 10000; ++i) s += "a/";
         return s + "b";
       }(),
       kInvalid, below},
      {"missing", "missing.bin", kUnreadable, "No such file"},
  };
  for (const Refusal& refusal : refusals) {
    const auto data = read(refusal.location, 4);
    ASSERT_FALSE(data.ok()) << refusal.name;
    EXPECT_EQ(data.error().code, refusal.code) << refusal.name << ": " << data.error().message;
    EXPECT_NE(data.error().message.find(refusal.message), std::string::npos)
        << refusal.name << ": " << data.error().message;
  }
  ::close(listener);
}

// CVE-2026-34445: onnx took keys of the file for attributes of its own object. Here they are compared with three names.
TEST_F(FolderExternalDataTest, RefusesMalformedEntries) {
  const auto refused = [&](std::vector<std::pair<std::string_view, std::string_view>> entries) {
    const auto data = read_entries(std::move(entries), 4);
    EXPECT_FALSE(data.ok());
    return data.ok() ? Error{ErrorCode::kInternal, ""} : data.error();
  };
  EXPECT_EQ(*read_entries({{"location", "weights.bin"}, {"__class__", "x"}, {"basepath", "/"}, {"length_", "9"}}, 4),
            "0123");
  EXPECT_EQ(refused({{"Location", "weights.bin"}}).code, ErrorCode::kModelInvalid) << "no location";
  EXPECT_NE(refused({{"location", "weights.bin"}, {"location", "data/more.bin"}}).message.find("'location' is given"),
            std::string::npos);
  EXPECT_NE(refused({{"location", "weights.bin"}, {"offset", "0"}, {"offset", "1"}}).message.find("'offset' is given"),
            std::string::npos);
  for (const char* number : {"-1", "+1", "1 ", " 1", "0x4", "1e1", "4.0", "99999999999999999999", "\xd9\xa4"}) {
    const Error error = refused({{"location", "weights.bin"}, {"offset", number}});
    EXPECT_EQ(error.code, ErrorCode::kModelInvalid) << number;
    EXPECT_NE(error.message.find("offset: expected a number of bytes, got '"), std::string::npos) << error.message;
    EXPECT_EQ(refused({{"location", "weights.bin"}, {"length", number}}).code, ErrorCode::kModelInvalid) << number;
  }
}

TEST_F(FolderExternalDataTest, KeepsABoundedNumberOfFilesOpen) {
  const auto open_files = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
  };
  const auto before = open_files();
  {
    FolderExternalData external((folder_ / "model").string());
    ConstantStore store(ConstantStore::Kind::kOrdinary);
    for (int i = 0; i < 200; ++i) {
      const std::string name = "many" + std::to_string(i);
      write("model/" + name, "abcd");
      TensorProto tensor;
      tensor.external_data.emplace_back("location", name);
      ASSERT_TRUE(external.row_major(tensor, 4, &store).ok()) << i;
      EXPECT_LE(open_files(), before + 64);
    }
  }
  EXPECT_EQ(open_files(), before);
}

TEST_F(FolderExternalDataTest, RefusesRangesThatAreNotThere) {
  EXPECT_EQ(read("weights.bin", 17).error().code, ErrorCode::kModelInvalid);
  EXPECT_EQ(read("weights.bin", 4, "13").error().code, ErrorCode::kModelInvalid);
  // Before memory is taken for it.
  EXPECT_NE(read("weights.bin", 4, "13").error().message.find("too short"), std::string::npos);
  EXPECT_EQ(read("weights.bin", 4, "18446744073709551615").error().code, ErrorCode::kModelInvalid);
  EXPECT_EQ(read("weights.bin", 4, "99999999999999999999").error().code, ErrorCode::kModelInvalid);
  EXPECT_EQ(read("weights.bin", 4, "-1").error().code, ErrorCode::kModelInvalid);
  EXPECT_EQ(read("weights.bin", 4, "0", "5").error().code, ErrorCode::kModelInvalid);
}

}  // namespace
}  // namespace sealedge
