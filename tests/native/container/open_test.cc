// The native reader against every vector of tests/vectors, whole and in odd-sized pieces; against every byte changed,
// every length cut, anything appended; and against files that are no ordinary files.
#include "container/open.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "container/text_encoding.h"
#include "sealed_vector.h"

namespace sealedge {
namespace {

using testing::read_vector;
using testing::read_vectors;
using testing::SealedVector;

struct Outcome {
  std::string code = "success";
  std::vector<std::string> digests;
};

Outcome load_all(Result<SealedModel> model, const std::vector<uint8_t>& layouts) {
  if (!model.ok()) return {error_code_name(model.error().code), {}};
  Outcome outcome;
  for (size_t i = 0; i < model->segment_count(); ++i) {
    const auto layout = i < layouts.size() ? static_cast<WeightLayout>(layouts[i]) : WeightLayout::kPlain;
    auto plaintext = i == 0 ? model->load_graph() : model->load_segment(i, layout);
    if (!plaintext.ok()) return {error_code_name(plaintext.error().code), {}};
    outcome.digests.push_back(to_hex(sha256(plaintext->span()).value()));
  }
  return outcome;
}

Result<SealedModel> feed(const SealedVector& vector, size_t piece_size) {
  SEALEDGE_ASSIGN(SealedModelFeeder feeder, SealedModelFeeder::create(vector.key_payload));
  const std::span<const uint8_t> bytes(vector.bytes);
  for (size_t at = 0; at < bytes.size(); at += piece_size) {
    SEALEDGE_TRY(feeder.feed(bytes.subspan(at, std::min(piece_size, bytes.size() - at))));
  }
  return feeder.finish();
}

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    char pattern[] = "/tmp/sealedge-open-test-XXXXXX";
    path_ = mkdtemp(pattern);
  }
  ~TemporaryDirectory() {
    for (const std::string& file : files_) unlink(file.c_str());
    rmdir(path_.c_str());
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  std::string file(const std::string& name) {
    files_.push_back(path_ + "/" + name);
    return files_.back();
  }
  std::string write(const std::string& name, const std::vector<uint8_t>& bytes) {
    const std::string path = file(name);
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return path;
  }

 private:
  std::string path_;
  std::vector<std::string> files_;
};

TEST(Open, EveryVectorInPieces) {
  const auto vectors = read_vectors();
  ASSERT_GT(vectors.size(), 150U);
  for (const SealedVector& vector : vectors) {
    for (const size_t piece_size : {size_t{1}, size_t{7}, size_t{4093}, size_t{1} << 30}) {
      SCOPED_TRACE(vector.name + ": " + vector.comment + ", in pieces of " + std::to_string(piece_size));
      const Outcome outcome = load_all(feed(vector, piece_size), vector.layouts);
      EXPECT_EQ(outcome.code, vector.expect);
      EXPECT_EQ(outcome.digests, vector.plaintext);
    }
  }
}

TEST(Open, EveryVectorAsAFile) {
  TemporaryDirectory directory;
  for (const SealedVector& vector : read_vectors()) {
    SCOPED_TRACE(vector.name + ": " + vector.comment);
    const std::string path = directory.write("model.sealed", vector.bytes);
    const Outcome outcome = load_all(SealedModel::open_file(path, vector.key_payload), vector.layouts);
    EXPECT_EQ(outcome.code, vector.expect);
    EXPECT_EQ(outcome.digests, vector.plaintext);
  }
}

TEST(Open, EveryByteChangedIsRefused) {
  const SealedVector right = read_vector("right_weights");
  SealedVector altered = right;
  for (size_t i = 0; i < right.bytes.size(); ++i) {
    altered.bytes[i] ^= static_cast<uint8_t>(1U << (i % 8));
    const Outcome outcome = load_all(SealedModel::open_bytes(altered.bytes, altered.key_payload), altered.layouts);
    ASSERT_NE(outcome.code, "success") << "byte " << i;
    ASSERT_NE(outcome.code, "ERR_INTERNAL") << "byte " << i;
    altered.bytes[i] = right.bytes[i];
  }
}

TEST(Open, EveryLengthCutIsRefused) {
  const SealedVector right = read_vector("right_weights");
  for (size_t length = 0; length < right.bytes.size(); ++length) {
    const auto model = SealedModel::open_bytes(std::span(right.bytes).first(length), right.key_payload);
    ASSERT_FALSE(model.ok()) << length;
    ASSERT_EQ(model.error().code, ErrorCode::kTruncated) << length;
  }
}

TEST(Open, AnythingAppendedIsRefused) {
  const SealedVector right = read_vector("right_weights");
  for (const size_t extra : {1U, 63U, 4096U, 1U << 20}) {
    for (const uint8_t byte : {uint8_t{0}, uint8_t{0xFF}}) {
      std::vector<uint8_t> longer = right.bytes;
      longer.resize(longer.size() + extra, byte);
      const auto model = SealedModel::open_bytes(longer, right.key_payload);
      ASSERT_FALSE(model.ok());
      EXPECT_EQ(model.error().code, ErrorCode::kLengthMismatch);
    }
  }
}

// SPEC.md "Segments": decrypted bytes MUST NOT be used before the tag has verified.
TEST(Open, NoPlaintextOfASegmentThatFails) {
  const SealedVector vector = read_vector("segment_weights_flipped");
  auto model = SealedModel::open_bytes(vector.bytes, vector.key_payload);
  ASSERT_TRUE(model.ok());
  std::vector<uint8_t> out(model->manifest().segments[2].length_bytes, 0xAA);
  const auto loaded = model->load_segment_into(2, WeightLayout::kPlain, out);
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.error().code, ErrorCode::kSegmentAuth);
  EXPECT_TRUE(std::all_of(out.begin(), out.end(), [](uint8_t byte) { return byte == 0; }));
}

TEST(Open, AnotherLayoutFailsTheTag) {
  const SealedVector vector = read_vector("right_weights");
  auto model = SealedModel::open_bytes(vector.bytes, vector.key_payload);
  ASSERT_TRUE(model.ok());
  EXPECT_TRUE(model->load_segment(1, WeightLayout::kPanel16).ok());
  EXPECT_EQ(model->load_segment(1, WeightLayout::kPlain).error().code, ErrorCode::kSegmentAuth);
  EXPECT_EQ(model->load_segment(1, WeightLayout::kDepthwise16).error().code, ErrorCode::kSegmentAuth);
}

TEST(Open, SegmentsOutOfRange) {
  const SealedVector vector = read_vector("right_weights");
  auto model = SealedModel::open_bytes(vector.bytes, vector.key_payload);
  ASSERT_TRUE(model.ok());
  EXPECT_EQ(model->load_segment(0, WeightLayout::kPlain).error().code, ErrorCode::kModelInvalid);
  EXPECT_EQ(model->load_segment(3, WeightLayout::kPlain).error().code, ErrorCode::kModelInvalid);
  std::vector<uint8_t> small(64);
  EXPECT_EQ(model->load_segment_into(1, WeightLayout::kPanel16, small).error().code, ErrorCode::kOptionInvalid);
}

TEST(Open, ClosedModelGivesNothing) {
  const SealedVector vector = read_vector("right_weights");
  auto model = SealedModel::open_bytes(vector.bytes, vector.key_payload);
  ASSERT_TRUE(model.ok());
  model->close();
  model->close();
  EXPECT_EQ(model->load_graph().error().code, ErrorCode::kModelClosed);
  EXPECT_EQ(model->manifest().model_name, "vector model");
}

TEST(Open, FeederIsEmptyAfterAFailure) {
  const SealedVector vector = read_vector("header_magic");
  auto feeder = SealedModelFeeder::create(vector.key_payload);
  ASSERT_TRUE(feeder.ok());
  EXPECT_EQ(feeder->feed(vector.bytes).error().code, ErrorCode::kHeaderMalformed);
  EXPECT_EQ(feeder->feed(vector.bytes).error().code, ErrorCode::kModelClosed);
  EXPECT_EQ(feeder->finish().error().code, ErrorCode::kModelClosed);
}

TEST(Open, ManifestSaysWhatWasSigned) {
  const SealedVector vector = read_vector("right_optional_members");
  auto model = SealedModel::open_bytes(vector.bytes, vector.key_payload);
  ASSERT_TRUE(model.ok());
  EXPECT_EQ(model->manifest().model_name, "détecteur 🛠 轴承");
  EXPECT_EQ(model->manifest().model_version, 1U);
  EXPECT_EQ(model->manifest().model_description, "five classes; \"quoted\" \\ text");
  EXPECT_EQ(model->manifest().created, "2026-02-28T23:59:59Z");
}

TEST(Open, OnlyARegularFileAndNoLink) {
  TemporaryDirectory directory;
  const SealedVector vector = read_vector("right_weights");
  const std::string target = directory.write("target.sealed", vector.bytes);
  const std::string link = directory.file("link.sealed");
  const std::string fifo = directory.file("fifo.sealed");
  ASSERT_EQ(symlink(target.c_str(), link.c_str()), 0);
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_TRUE(SealedModel::open_file(target, vector.key_payload).ok());
  for (const std::string& path : {link, fifo, std::string("/"), std::string("/dev/zero"), target + ".absent"}) {
    const auto model = SealedModel::open_file(path, vector.key_payload);
    ASSERT_FALSE(model.ok()) << path;
    EXPECT_EQ(model.error().code, ErrorCode::kFileUnreadable) << path;
  }
}

}  // namespace
}  // namespace sealedge
