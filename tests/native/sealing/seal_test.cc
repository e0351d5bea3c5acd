// Plan, encrypt, decrypt: every tensor is where the graph says, in the layout it says, and nothing else is in the
// segments.
#include "sealing/seal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>

#include "container/segments.h"
#include "core/weight_packing.h"
#include "sealing/tensor_stream.h"
#include "temporary_folder.h"
#include "tiny_model.h"

namespace sealedge {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the tiny model's vocabulary

constexpr uint64_t kDataOffset = 8192;

std::vector<float> values(size_t count, float first) {
  std::vector<float> out(count);
  for (size_t i = 0; i < count; ++i) out[i] = first + static_cast<float>(i) / 64;
  return out;
}

std::string initializer(std::string_view name, const std::vector<int64_t>& dims, float first) {
  size_t count = 1;
  for (const int64_t dim : dims) count *= static_cast<size_t>(dim);
  return bytes_field(onnx::kGraphInitializer,
                     tensor_head(name, 1, dims) + bytes_field(onnx::kTensorRawData, raw_bytes(values(count, first))));
}

// x (1, 20) -> MatMul (20, 40) -> Gemm transB (30, 40) -> Add bias; the first weight is also gathered from, so it is
// wanted twice.
std::string two_weights() {
  const std::string trans_b =
      bytes_field(onnx::kNodeAttribute, bytes_field(1, "transB") + varint_field(3, 1) + varint_field(20, 2));
  return model(node("MatMul", {"x", "w1"}, "h1") + node("Gemm", {"h1", "w2", "bias"}, "h2", trans_b) +
               node("Add", {"w1", "w1"}, "doubled") + initializer("w1", {20, 40}, 1) + initializer("w2", {30, 40}, 2) +
               initializer("bias", {30}, 3) + value_info(11, "x", {1, 20}) + value_info(12, "h2", {1, 30}) +
               value_info(12, "doubled", {20, 40}));
}

struct Sealed {
  SealPlan plan;
  std::vector<SegmentInfo> segments;
  std::string file;
};

class Seal : public ::testing::Test {
 protected:
  void SetUp() override {
    auto buffer = SecureBuffer::allocate(32, "test key");
    ASSERT_TRUE(buffer.ok());
    key_ = std::move(*buffer);
    ASSERT_TRUE(random_bytes(key_.span()).ok());
  }

  std::span<const uint8_t, 32> key() const { return key_.span().first<32>(); }

  Result<Sealed> seal(const std::string& model_bytes, unsigned threads = 2) {
    Sealed out;
    SEALEDGE_ASSIGN(out.plan, plan_seal(folder_.write("model.onnx", model_bytes)));
    const std::string path = folder_.file("model.sealed");
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    auto segments =
        write_segments(&out.plan, {.fd = fd, .data_offset_bytes = kDataOffset, .threads = threads}, key(), &progress_);
    close(fd);
    SEALEDGE_ASSIGN(out.segments, std::move(segments));
    std::ifstream stream(path, std::ios::binary);
    out.file.assign(std::istreambuf_iterator<char>(stream), {});
    return out;
  }

  std::vector<uint8_t> decrypt(const Sealed& sealed, size_t index, uint8_t layout_byte) {
    const SegmentInfo& segment = sealed.segments[index];
    std::vector<uint8_t> out(segment.length_bytes);
    const std::span<const uint8_t> ciphertext(
        reinterpret_cast<const uint8_t*>(sealed.file.data()) + segment.offset_bytes, segment.length_bytes);
    EXPECT_EQ(sha256(ciphertext).value(), segment.sha256);
    const auto decrypted = decrypt_segment(key(), segment, layout_byte, ciphertext, out);
    EXPECT_TRUE(decrypted.ok()) << decrypted.error().message;
    return out;
  }

  TemporaryFolder folder_;
  SecureBuffer key_;
  SealProgress progress_;
};

// Weights of branches, of one name, are laid out for their own consumers and are nowhere in the file as they are.
TEST_F(Seal, WeightsOfBodiesAreWeights) {
  const auto branch = [](const std::string& name, const std::string& op, int seed) {
    const std::string graph = node(op, {"x", "w"}, "out") + initializer("w", {20, 20}, static_cast<float>(seed)) +
                              bytes_field(12, bytes_field(1, "out"));
    return bytes_field(onnx::kNodeAttribute,
                       bytes_field(1, name) + bytes_field(onnx::kAttributeG, graph) + varint_field(20, 5));
  };
  const std::string condition =
      bytes_field(11, bytes_field(1, "c") + bytes_field(2, bytes_field(1, varint_field(1, 9) + bytes_field(2, ""))));
  const auto sealed =
      seal(model(node("If", {"c"}, "y", branch("then_branch", "MatMul", 1) + branch("else_branch", "Mul", 2)) +
                 initializer("w", {20, 20}, 3) + node("MatMul", {"x", "w"}, "z") + value_info(11, "x", {20, 20}) +
                 condition + value_info(12, "y", {20, 20}) + value_info(12, "z", {20, 20})));
  ASSERT_TRUE(sealed.ok()) << sealed.error().message;
  EXPECT_EQ(sealed->plan.unsupported, "");
  ASSERT_EQ(sealed->plan.tensors.size(), 3U);
  const WeightLayout expected[] = {WeightLayout::kPanel16, WeightLayout::kPlain, WeightLayout::kPanel16};
  for (size_t i = 0; i < 3; ++i) {
    const PlannedTensor& tensor = sealed->plan.tensors[i];
    ASSERT_EQ(tensor.sealed.placements.size(), 1U);
    EXPECT_EQ(tensor.sealed.placements[0].layout, expected[i]) << i;
    std::vector<uint8_t> raw(tensor.record.size_bytes);
    ASSERT_TRUE(TensorReader(tensor.record).read(0, raw).ok());
    for (size_t at = 0; at + 16 <= raw.size(); at += 16) {
      const std::string probe(reinterpret_cast<const char*>(raw.data()) + at, 16);
      ASSERT_EQ(sealed->file.find(probe), std::string::npos) << "tensor " << i << " at " << at;
    }
  }
}

TEST_F(Seal, EveryTensorIsWhereThePlanSays) {
  const auto sealed = seal(two_weights());
  ASSERT_TRUE(sealed.ok()) << sealed.error().message;
  std::vector<std::vector<uint8_t>> segments;
  for (size_t i = 0; i < sealed->plan.segments.size(); ++i) {
    segments.push_back(decrypt(*sealed, i + 1, static_cast<uint8_t>(sealed->plan.segments[i].layout)));
    EXPECT_EQ(segments.back().size() % kWeightSegmentGranule, 0U);
  }
  size_t placements = 0;
  std::vector<std::vector<bool>> used;
  for (const auto& segment : segments) used.emplace_back(segment.size(), false);
  for (const PlannedTensor& tensor : sealed->plan.tensors) {
    std::vector<uint8_t> raw(tensor.record.size_bytes);
    ASSERT_TRUE(TensorReader(tensor.record).read(0, raw).ok());
    if (!tensor.sealed.placements.empty()) {
      EXPECT_EQ(tensor.sealed.sha256, sha256(raw).value());
    }
    for (const SegmentPlacement& placement : tensor.sealed.placements) {
      ++placements;
      std::vector<uint8_t> expected = raw;
      if (placement.layout != WeightLayout::kPlain) {
        const auto geometry = weight_geometry(placement.layout, placement.order, placement.dims);
        ASSERT_TRUE(geometry.ok());
        expected.resize(geometry->size_bytes);
        pack_weight(*geometry, raw.data(), expected.data());
      }
      const auto& segment = segments[placement.segment - 1];
      ASSERT_LE(placement.offset_bytes + expected.size(), segment.size());
      EXPECT_TRUE(std::equal(expected.begin(), expected.end(),
                             segment.begin() + static_cast<ptrdiff_t>(placement.offset_bytes)));
      std::fill_n(used[placement.segment - 1].begin() + static_cast<ptrdiff_t>(placement.offset_bytes), expected.size(),
                  true);
    }
  }
  // w1 twice (blocked, and as it is), w2 blocked; the bias is inline.
  EXPECT_EQ(placements, 3U);
  for (size_t s = 0; s < segments.size(); ++s) {
    for (size_t i = 0; i < segments[s].size(); ++i) ASSERT_TRUE(used[s][i] || segments[s][i] == 0) << s << " " << i;
  }
}

TEST_F(Seal, TheGraphCarriesPlacementsAndNoWeights) {
  const auto sealed = seal(two_weights());
  ASSERT_TRUE(sealed.ok());
  const std::vector<uint8_t> graph = decrypt(*sealed, 0, kGraphLayoutByte);
  const std::string text(graph.begin(), graph.end());
  EXPECT_EQ(text, write_graph(sealed->plan).value());
  EXPECT_NE(text.find("sealedge.placement"), std::string::npos);
  EXPECT_NE(text.find(" panel16 gemm_kn 20x40"), std::string::npos);
  EXPECT_NE(text.find(" panel16 gemm_nk 30x40"), std::string::npos);
  EXPECT_EQ(text.find(raw_bytes(values(16, 1))), std::string::npos);
  EXPECT_NE(text.find(raw_bytes(values(30, 3))), std::string::npos) << "the bias is inline";
}

TEST_F(Seal, NothingInTheClear) {
  const auto sealed = seal(two_weights());
  ASSERT_TRUE(sealed.ok());
  for (const std::string& probe : {raw_bytes(values(4, 1)), raw_bytes(values(4, 2)), raw_bytes(values(4, 3)),
                                   std::string("MatMul"), std::string("sealedge")}) {
    EXPECT_EQ(sealed->file.find(probe), std::string::npos);
  }
}

TEST_F(Seal, IdsAndCiphertextsAreFreshEveryTime) {
  std::set<std::array<uint8_t, 32>> ids;
  std::set<std::string> files;
  for (int i = 0; i < 4; ++i) {
    const auto sealed = seal(two_weights(), 1);
    ASSERT_TRUE(sealed.ok());
    for (const SegmentInfo& segment : sealed->segments) EXPECT_TRUE(ids.insert(segment.id).second);
    EXPECT_TRUE(files.insert(sealed->file).second);
  }
}

TEST_F(Seal, OffsetsFollowTheSpecification) {
  const auto sealed = seal(two_weights());
  ASSERT_TRUE(sealed.ok());
  uint64_t end = kDataOffset;
  for (const SegmentInfo& segment : sealed->segments) {
    EXPECT_EQ(segment.offset_bytes, (end + 4095) / 4096 * 4096);
    end = segment.offset_bytes + segment.length_bytes;
  }
  EXPECT_EQ(sealed->file.size(), end);
}

TEST_F(Seal, AModelForAnotherEngineIsSealedPlain) {
  const auto sealed = seal(model(node("NoSuchOperator", {"x", "w"}, "y") + initializer("w", {20, 40}, 1) +
                                 value_info(11, "x", {1, 20}) + value_info(12, "y", {1, 40})));
  ASSERT_TRUE(sealed.ok()) << sealed.error().message;
  EXPECT_NE(sealed->plan.unsupported.find("NoSuchOperator"), std::string::npos);
  ASSERT_EQ(sealed->plan.segments.size(), 1U);
  EXPECT_EQ(sealed->plan.segments[0].layout, WeightLayout::kPlain);
}

TEST_F(Seal, CancelledBeforeTheEnd) {
  SealPlan plan = plan_seal(folder_.write("model.onnx", two_weights())).value();
  progress_.cancelled = true;
  const int fd = open(folder_.file("out").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  const auto segments =
      write_segments(&plan, {.fd = fd, .data_offset_bytes = kDataOffset, .threads = 2}, key(), &progress_);
  close(fd);
  ASSERT_FALSE(segments.ok());
  EXPECT_EQ(segments.error().code, ErrorCode::kCancelled);
}

TEST_F(Seal, AModelThatChangesMeanwhileIsRefused) {
  const std::string path = folder_.write("model.onnx", two_weights());
  SealPlan plan = plan_seal(path).value();
  {
    std::ofstream stream(path, std::ios::binary | std::ios::app);
    stream << "more";
  }
  const int fd = open(folder_.file("out").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  const auto segments =
      write_segments(&plan, {.fd = fd, .data_offset_bytes = kDataOffset, .threads = 1}, key(), &progress_);
  close(fd);
  ASSERT_FALSE(segments.ok());
  EXPECT_EQ(segments.error().code, ErrorCode::kModelInvalid);
}

TEST_F(Seal, ManySmallTensorsShareSegments) {
  std::string graph = value_info(11, "x", {1, 400}) + value_info(12, "x", {1, 400});
  for (int i = 0; i < 3000; ++i) graph += initializer("t" + std::to_string(i), {400}, static_cast<float>(i));
  const auto plan = plan_seal(folder_.write("model.onnx", model(graph)));
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  EXPECT_LT(plan->segments.size(), 20U);
}

// Every order, lanes not a multiple of 16, a weight larger than the stream's buffer: the stream is pack_weight in
// pieces.
TEST(TensorStream, YieldsWhatPackWeightPacks) {
  struct Case {
    WeightLayout layout;
    WeightSourceOrder order;
    std::vector<int64_t> dims;
  };
  for (const Case& c :
       std::initializer_list<Case>{{WeightLayout::kPlain, WeightSourceOrder::kNone, {333, 777}},
                                   {WeightLayout::kPanel16, WeightSourceOrder::kGemmKN, {999, 1001}},
                                   {WeightLayout::kPanel16, WeightSourceOrder::kGemmNK, {1001, 999}},
                                   {WeightLayout::kPanel16, WeightSourceOrder::kConvOIHW, {70, 130, 5, 3}},
                                   {WeightLayout::kDepthwise16, WeightSourceOrder::kConvOIHW, {20001, 1, 3, 3}},
                                   {WeightLayout::kPanel16, WeightSourceOrder::kGemmKN, {140000, 20}}}) {
    size_t count = 1;
    for (const int64_t dim : c.dims) count *= static_cast<size_t>(dim);
    std::vector<float> data = values(count, 7);
    TensorRecord record;
    record.name = "w";
    record.data_type = 1;
    record.dims = c.dims;
    record.size_bytes = count * 4;
    record.source = std::make_shared<MemorySource>(std::span(reinterpret_cast<const uint8_t*>(data.data()), count * 4));
    record.runs = {{.begin = 0, .end = count * 4}};
    const SegmentPlacement placement{.layout = c.layout, .order = c.order, .dims = c.dims};
    auto stream = TensorStream::create(record, placement);
    ASSERT_TRUE(stream.ok());
    std::vector<uint8_t> got;
    size_t pieces = 0;
    for (;; ++pieces) {
      auto piece = stream->next();
      ASSERT_TRUE(piece.ok());
      if (piece->empty()) break;
      got.insert(got.end(), piece->begin(), piece->end());
    }
    EXPECT_GE(pieces, got.size() / (size_t{9} << 20)) << "bounded pieces";
    std::vector<float> expected = data;
    if (c.layout != WeightLayout::kPlain) {
      const auto geometry = weight_geometry(c.layout, c.order, c.dims);
      expected.assign(geometry->size_bytes / 4, -1);
      pack_weight(*geometry, reinterpret_cast<const uint8_t*>(data.data()),
                  reinterpret_cast<uint8_t*>(expected.data()));
    }
    ASSERT_EQ(got.size(), expected.size() * 4);
    EXPECT_EQ(std::memcmp(got.data(), expected.data(), got.size()), 0);
    EXPECT_EQ(stream->digest().value(), sha256({reinterpret_cast<const uint8_t*>(data.data()), count * 4}).value());
  }
}

}  // namespace
}  // namespace sealedge
